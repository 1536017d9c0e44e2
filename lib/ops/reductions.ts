// Reductions, scans and order: the ops that fold, count or arrange the elements along axes.
export * from './count.ts';
export * from './extreme.ts';
export * from './product.ts';
export * from './scan.ts';
export * from './variance.ts';
export * from './vector-norm.ts';
