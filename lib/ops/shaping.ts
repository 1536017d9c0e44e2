// The ops on shape that take the tensor first: all of them are methods too.
export * from './axes.ts';
export * from './diagonal.ts';
export * from './flip.ts';
export { pad } from './pad.ts';
export * from './split.ts';
export * from './strided.ts';
export * from './tile.ts';
