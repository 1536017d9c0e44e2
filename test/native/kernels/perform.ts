// One run of named cases on cuda-emu (or the device WARPGRAD_KERNELS_ON) in this process, held to the CPU: node perform.js NAME… (all without names). Prints one
// line of JSON a case. The schedule and the library are those of the environment; a bug may end the process.
import { createHash } from 'node:crypto';
import { manualSeed, scope, Tensor, WarpgradError } from '../../../lib/index.ts';
import { kernelCases, type KernelCase } from './cases.ts';

export interface Verdict {
  readonly name: string;
  readonly verdict: 'right' | 'wrong' | 'reported' | 'unported';
  readonly detail: string;
  /** Of every bit of the results. */
  readonly digest: string;
}

/** A card's name where there is one: tools/gpu/verify.mjs. */
const device: string = process.env['WARPGRAD_KERNELS_ON'] ?? 'cuda-emu';

async function values(on: string, each: KernelCase): Promise<number[][]> {
  manualSeed(7);
  const made = scope(() => {
    const result = each.run(on);
    return result instanceof Tensor ? [result] : [...result];
  });
  return await Promise.all(made.map(async (t) => Array.from((await t.data()) as ArrayLike<number>, Number)));
}

/** The first difference that rounding does not explain; '' when there is none. */
function difference(got: readonly number[][], wanted: readonly number[][], tolerance: number): string {
  for (const [k, list] of wanted.entries()) {
    const most = list.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 0);
    const i = list.findIndex((v, at) => {
      const other = got[k]?.[at] ?? Number.NaN;
      return !Object.is(v, other) && !(Math.abs(v - other) <= tolerance * Math.max(most, 1e-3));
    });
    if (i >= 0) return `result ${k}, element ${i}: ${got[k]?.[i]}, not ${list[i]}`;
  }
  return '';
}

async function perform(each: KernelCase): Promise<Verdict> {
  const wanted = await values('cpu', each);
  try {
    const got = await values(device, each);
    const detail = difference(got, wanted, each.tolerance ?? 2e-5);
    const digest = createHash('sha256').update(Float64Array.from(got.flat())).digest('hex').slice(0, 16);
    return { name: each.name, verdict: detail === '' ? 'right' : 'wrong', detail, digest };
  } catch (error) {
    if (!(error instanceof WarpgradError)) throw error;
    const verdict = /has no CUDA kernel/.test(error.message) ? 'unported' : 'reported';
    return { name: each.name, verdict, detail: error.message, digest: '' };
  }
}

const names = process.argv.slice(2);
for (const name of names.length > 0 ? names : kernelCases.keys()) {
  const each = kernelCases.get(name);
  if (each === undefined) throw new Error(`no case '${name}'`);
  console.log(JSON.stringify(await perform(each)));
}
process.exit(0); // a device that a bug has lost is not waited for
