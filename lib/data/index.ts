export {
  ArrayDataset,
  type Batch,
  type Dataset,
  type Fields,
  fromSamples,
  type HostArray,
  type HostData,
  subset,
  TensorDataset,
  transform,
} from './dataset.ts';
export { parseIdx, readIdx } from './idx.ts';
export { DataLoader, type LoaderOptions, type LoaderState } from './loader.ts';
export { type DigitSets, type Digits, loadMnist, mnistDigits } from './mnist.ts';
export { Random } from './random.ts';
export { type Split, stratifiedSplit } from './split.ts';
