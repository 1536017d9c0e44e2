/**
 * Benchmarks: of functions of yours, as `npx warpgrad bench` runs those of the package.
 * @packageDocumentation
 */
export type { BenchOptions, Measurement } from './measure.ts';
export { bench } from './measure.ts';
export type { Clock } from './timing.ts';
