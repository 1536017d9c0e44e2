// Other names that PyTorch has for elementwise ops.
export { atan2 as arctan2 } from './arithmetic.ts';
export { div as divide, div as trueDivide, mul as multiply, sub as subtract } from './binary.ts';
export { ge as greaterEqual, gt as greater, le as lessEqual, lt as less, ne as notEqual } from './compare.ts';
export { acosh as arccosh, asinh as arcsinh, atanh as arctanh } from './exponential.ts';
export { clamp as clip } from './ternary.ts';
export { acos as arccos, asin as arcsin, atan as arctan } from './trig.ts';
export { abs as absolute, neg as negative } from './unary.ts';
