// The families of linear algebra whose ops take a tensor first, as one.
export * from './decompositions.ts';
export * from './distance.ts';
export * from './lu.ts';
export * from './matrix-functions.ts';
export * from './products.ts';
export * from './systems.ts';
