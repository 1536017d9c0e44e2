// Every family, in the order in which they are run.
import { cases as attention } from './cases/attention.ts';
import { cases as conv } from './cases/conv.ts';
import { cases as elementwise } from './cases/elementwise.ts';
import { cases as matmul } from './cases/matmul.ts';
import { cases as move } from './cases/move.ts';
import { cases as norm } from './cases/norm.ts';
import { cases as optim } from './cases/optim.ts';
import { cases as pool } from './cases/pool.ts';
import { cases as reduce } from './cases/reduce.ts';
import { cases as rnn } from './cases/rnn.ts';
import { cases as softmax } from './cases/softmax.ts';
import { cases as step } from './cases/step.ts';
import type { Case } from './family.ts';

export const allCases: readonly Case[] = [
  elementwise,
  reduce,
  softmax,
  norm,
  pool,
  move,
  matmul,
  conv,
  attention,
  rnn,
  optim,
  step,
].flat();

/** Those with all of the words in `family name`, and none of those after a `!`; a word that names a family chooses it whole. */
export function chosen(words: readonly string[]): readonly Case[] {
  const families = new Set(allCases.map(({ family }) => family));
  const wanted = words.filter((word) => families.has(word));
  const parts = words.filter((word) => !families.has(word) && !word.startsWith('!'));
  const barred = words.filter((word) => word.startsWith('!')).map((word) => word.slice(1));
  return allCases.filter(({ family, name }) => {
    const full = `${family} ${name}`;
    if (wanted.length > 0 && !wanted.includes(family)) return false;
    return parts.every((part) => full.includes(part)) && !barred.some((part) => full.includes(part));
  });
}

/** Cases of the reader's own sizes (`512x512x64`), one for each kind of case among these that has as many. */
export function resized(cases: readonly Case[], sizes: readonly string[]): readonly Case[] {
  const made = sizes.flatMap((size) => {
    const numbers = size.split('x').map(Number);
    return cases.flatMap((each) => each.resized(numbers) ?? []);
  });
  const first = new Map<string, Case>();
  for (const each of made)
    if (!first.has(`${each.family} ${each.name}`)) first.set(`${each.family} ${each.name}`, each);
  return [...first.values()];
}
