// Reductions, scans and order: the ops that fold, count or arrange the elements along axes.
export * from './count.ts';
export * from './extreme.ts';
export * from './integral.ts';
export * from './order.ts';
export * from './product.ts';
export * from './scan.ts';
export * from './search.ts';
export * from './sets.ts';
export type { OrderOptions, SortOptions, TopkOptions } from './sort.ts';
export { argsort, kthvalue, mode, msort, sort, topk } from './sort.ts';
export * from './statistics.ts';
export * from './unique.ts';
export * from './variance.ts';
export * from './vector-norm.ts';
