// The ops on indices and masks that take the tensor first: all of them are methods too.
export * from './gather.ts';
export * from './index-put.ts';
export * from './masked.ts';
export * from './scatter-reduce.ts';
export * from './take.ts';
