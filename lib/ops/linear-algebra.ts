// The families of linear algebra and of Fourier transforms whose ops take a tensor first, as one.
export * from './complex.ts';
export * from './decompositions.ts';
export * from './distance.ts';
export * from './fft.ts';
export * from './lu.ts';
export * from './matrix-functions.ts';
export * from './products.ts';
export * from './stft.ts';
export * from './systems.ts';
