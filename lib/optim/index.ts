export { Adam, type AdamOptions, AdamW } from './adam.ts';
export { clipGradNorm } from './clip.ts';
export { type GroupOptions, Optimizer, type OptimizerState, type Params } from './optimizer.ts';
export { type Hyper, ParamGroup } from './param-group.ts';
export { CosineWarmup, type CosineWarmupOptions, Schedule } from './schedule.ts';
export { SGD, type SGDOptions } from './sgd.ts';
