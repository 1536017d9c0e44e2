// Reads what test/parity/generate.py wrote: calls of our ops with PyTorch's values and derivatives.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSafetensors } from '../../lib/io/index.ts';
import type { HostTensor } from '../../lib/io/index.ts';
import { packageRoot } from '../support/package-root.ts';

const folder = join(packageRoot(import.meta.url), 'test/parity/fixtures');

export interface ParityCase {
  readonly op: string;
  /** 'native': PyTorch has the op; 'composed': the script writes it in torch ops. */
  readonly kind: 'native' | 'composed';
  readonly args: readonly unknown[];
  readonly outputs: number;
  readonly first?: boolean;
  readonly second?: boolean;
  /** Why PyTorch has no second derivative. */
  readonly why?: string;
}

export interface Family {
  readonly name: string;
  readonly torch: string;
  readonly date: string;
  readonly cases: readonly ParityCase[];
  /** A tensor of case `number`: in, out, first or second, and which. */
  tensor(number: number, role: string, which: number): HostTensor;
}

export function families(): Family[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.safetensors'))
    .sort()
    .map((file) => {
      const { tensors, metadata } = parseSafetensors(readFileSync(join(folder, file)));
      return {
        name: file.replace('.safetensors', ''),
        torch: metadata.get('torch') ?? '',
        date: metadata.get('date') ?? '',
        cases: JSON.parse(metadata.get('cases') ?? '[]') as ParityCase[],
        tensor: (number, role, which) => {
          const found = tensors.get(`${number}.${role}.${which}`);
          if (found === undefined) throw new Error(`${file} lacks ${number}.${role}.${which}`);
          return found;
        },
      };
    });
}

const random = 'random numbers of another generator: distributions are tested instead';

/** The ops whose results PyTorch cannot be held to, and why. */
export const impossible: Readonly<Record<string, string>> = {
  empty: 'whatever the memory held',
  alphaDropout: random,
  bernoulli: random,
  cauchy: random,
  dropout: random,
  exponential: random,
  featureAlphaDropout: random,
  featureDropout: random,
  geometric: random,
  gumbel: random,
  gumbelSoftmax: random,
  logNormal: random,
  multinomial: random,
  normal: random,
  poisson: random,
  rand: random,
  randint: random,
  randn: random,
  randperm: random,
  standardGamma: random,
  truncNormal: random,
  uniform: random,
};
