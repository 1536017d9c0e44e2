// What the machine code of which kernels has to hold, and which kernels may use local memory. A kernel is named by its file
// under native/cuda and by what c++filt makes of it, without namespaces.

/**
 * Instructions that every matching instance needs; opcodes are named in cubin.mjs.
 * @type {readonly { file: string, kernel: RegExp, not?: RegExp, has: readonly string[], architecture?: number }[]}
 */
export const instructions = [
  // `not`: bytes go by smaller packs, and the resident rows of one element a thread are those too odd for packs.
  { file: 'memory_ops.cu', kernel: /^elementwise::kernel/, not: /unsigned char/, has: ['LDG.128', 'STG.128'] },
  { file: 'extreme.cu', kernel: /foldRows|foldColumns/, not: /unsigned char/, has: ['LDG.128'] },
  { file: 'prod.cu', kernel: /foldRows|foldColumns/, not: /unsigned char/, has: ['LDG.128'] },
  { file: 'sum.cu', kernel: /foldRows|foldColumns/, not: /unsigned char/, has: ['LDG.128'] },
  { file: 'variance.cu', kernel: /foldRows|foldColumns/, has: ['LDG.128'] },
  { file: 'softmax.cu', kernel: /^softmax/, not: /, 1>/, has: ['LDG.128', 'STG.128'] },
  { file: 'norm.cu', kernel: /^norm/, not: /, 1>/, has: ['LDG.128', 'STG.128'] },
  { file: 'norm_weight.cu', kernel: /^sumOverRows/, has: ['LDG.128'] },
  { file: 'loss.cu', kernel: /^lossGradRows/, has: ['LDG.128', 'STG.128'] },
  { file: 'scan.cu', kernel: /scanAlong|scanAcross/, not: /unsigned char/, has: ['LDG.128', 'STG.128'] },
  { file: 'gemm/matmul.cu', kernel: /^gemm::product/, has: ['LDG.128'] },
  {
    file: 'gemm/tensor.cu',
    kernel: /^gemm::tensorProduct/,
    not: /TensorTile<float/,
    has: ['HMMA', 'LDSM', 'LDGSTS.128', 'STG.128'],
  },
  { file: 'gemm/tensor.cu', kernel: /^gemm::tensorProduct<.*TensorTile<float/, has: ['HMMA', 'LDGSTS.128', 'STG.128'] },
  { file: 'conv/cores.cu', kernel: /^gemm::tensorProduct/, has: ['HMMA', 'LDGSTS.128', 'STG.128'] },
  { file: 'gemm/thin.cu', kernel: /thinAlong/, has: ['LDG.128'] },
  {
    file: 'attention/forward.cu',
    kernel: /^flash::forwardRows/,
    has: ['LDGSTS.128', 'LDS.128'],
    not: /double/,
  },
  {
    file: 'attention/grad_query.cu',
    kernel: /^flash::gradQuery/,
    has: ['LDGSTS.128', 'LDS.128'],
    not: /double/,
  },
  { file: 'attention/grad_key.cu', kernel: /^flash::gradKey/, has: ['LDGSTS.128', 'LDS.128'], not: /double/ },
  ...['forward_core.cu', 'grad_query_core.cu', 'grad_key_core.cu'].map((file) => ({
    file: `attention/${file}`,
    kernel: /^flash::/,
    has: ['HMMA', 'LDSM', 'LDGSTS.128', 'STG.128'],
  })),
  { file: 'fft/fft.cu', kernel: /^shortRows|^longStage/, has: ['LDG.128', 'STG.128'] },
];

/** Kernels with LDL or STL in them, by `file kernel`, and why. @type {Readonly<Record<string, string>>} */
export const localMemory = {};
