// Bugs to plant in shipped kernels: `find` stands once in `file` and becomes `replace`; `units` are compiled anew; `run` is a
// case of cases.ts that takes the changed code. npm run test:full -- seeded-bugs shows what notices each.
export interface Defect {
  readonly family: 'reduction' | 'sort' | 'gemm' | 'conv' | 'attention';
  readonly bug: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly units: readonly string[];
  readonly run: string;
  /** A write or read beyond the end is held to the sanitizers too. */
  readonly overrun?: boolean;
}

const reduction = {
  family: 'reduction',
  file: 'native/cuda/reduction.cuh',
  units: ['native/cuda/sum.cu'],
} as const;
const team = { ...reduction, file: 'native/cuda/team.cuh', run: 'sum of rows, a block each' } as const;
const sort = { family: 'sort', file: 'native/cuda/sort_rows.cu', units: ['native/cuda/sort_rows.cu'] } as const;
const attention = {
  family: 'attention',
  file: 'native/cuda/attention/forward.cuh',
  units: ['native/cuda/attention/forward.cu', 'native/cuda/attention/forward_core.cu'],
  run: 'attention',
} as const;

const tensorLoop = { file: 'native/cuda/gemm/tensor_loop.cuh' } as const;
const gemm = {
  ...tensorLoop,
  family: 'gemm',
  units: ['native/cuda/gemm/tensor.cu'],
  run: 'matmul of bfloat16',
} as const;
const conv = { family: 'conv', units: ['native/cuda/conv/cores.cu'], run: 'convolution of bfloat16' } as const;
const step = `    copyAsyncWait<kAhead - 1>();
    syncBlock();  // the others' copies of this step are there too, and nobody reads the step before it
    copyNext();`;

export const defects: readonly Defect[] = [
  {
    ...reduction,
    bug: 'no barrier before each halving of the columns',
    find: `      syncBlock();
      if (first >= half) continue;`,
    replace: '      if (first >= half) continue;',
    run: 'sum of columns',
  },
  {
    ...reduction,
    bug: 'threads that are done leave before the barriers of the rest',
    find: `      syncBlock();
      if (first >= half) continue;`,
    replace: `      if (first >= half) break;
      syncBlock();`,
    run: 'sum of columns',
  },
  {
    ...reduction,
    bug: 'the halving reads one row of threads too far',
    find: 'all[c][threadIdx.x + static_cast<unsigned>(half * lanes)]',
    replace: 'all[c][threadIdx.x + static_cast<unsigned>((half + down / 2) * lanes)]',
    run: 'sum of columns',
    overrun: true,
  },
  {
    ...team,
    bug: 'no barrier between writing and reading the sums of the warps',
    find: `partial[warpId()] = value;
    syncBlock();`,
    replace: 'partial[warpId()] = value;',
  },
  {
    ...reduction,
    bug: 'the last piece of a row runs past its end',
    find: 'const int64_t end = first + r.piece < r.length ? first + r.piece : r.length;',
    replace: 'const int64_t end = first + r.piece;',
    run: 'sum of everything',
    overrun: true,
  },
  {
    ...sort,
    bug: 'no barrier between clearing and counting digits',
    find: `  counts[threadIdx.x] = 0;
  syncBlock();`,
    replace: '  counts[threadIdx.x] = 0;',
    run: 'sort of equals',
  },
  {
    ...sort,
    bug: 'lanes read the rank of a digit while its leader writes it',
    find: `ranks[warp][digit] : 0;
    __syncwarp();`,
    replace: 'ranks[warp][digit] : 0;',
    run: 'sort of equals',
  },
  {
    ...sort,
    bug: 'tiles are written out before they are sorted',
    find: `    places[to] = place[r];
  }
  syncBlock();`,
    replace: `    places[to] = place[r];
  }`,
    run: 'sort of long rows',
  },
  {
    ...sort,
    bug: 'threads beyond the row leave before the barrier',
    find: `  syncBlock();
  const K* const keys = a.keys + row * a.width;
  const uint32_t first = tile * kThreads * kItems<K>;`,
    replace: `  const K* const keys = a.keys + row * a.width;
  const uint32_t first = tile * kThreads * kItems<K>;
  if (first + threadIdx.x * kItems<K> >= a.width) return;
  syncBlock();`,
    run: 'sort of long rows',
  },
  {
    ...sort,
    bug: 'the last tile ranks elements beyond the row',
    find: 'const bool mine = own + static_cast<uint32_t>(r * kWarp) < count;',
    replace: 'const bool mine = true;',
    run: 'sort of long rows',
    overrun: true,
  },
  {
    ...attention,
    bug: 'values are multiplied before their copies are waited for',
    find: `    copyAsyncWait<0>();
    syncBlock();  // the values`,
    replace: '    syncBlock();  // the values',
  },
  {
    ...attention,
    bug: 'no barrier between waiting for keys and multiplying them',
    find: `step before.
    syncBlock();`,
    replace: 'step before.',
    run: 'attention in bfloat16',
  },
  {
    ...attention,
    bug: 'the top of a row is not shared by its lanes',
    find: 'best = overRow<Tile>(best, Largest());',
    replace: '',
    run: 'causal attention',
  },
  {
    ...attention,
    bug: 'lanes read weights that others of their warp have not written',
    file: 'native/cuda/attention/fma_tile.cuh',
    find: `w.v[i][3]}});
    __syncwarp();`,
    replace: 'w.v[i][3]}});',
  },
  {
    ...attention,
    bug: 'results leave through shared memory before all lanes have put theirs there',
    file: 'native/cuda/attention/core_tile.cuh',
    find: `    }
    __syncwarp();
    for (int i = laneId();`,
    replace: `    }
    for (int i = laneId();`,
    run: 'attention in bfloat16',
  },
  {
    ...attention,
    bug: 'the next keys come before all warps are done with these',
    file: 'native/cuda/attention/grad_query.cuh',
    units: ['native/cuda/attention/grad_query.cu', 'native/cuda/attention/grad_query_core.cu'],
    find: '    syncBlock();  // all are done with the keys',
    replace: '',
  },
  {
    ...attention,
    bug: 'the next rows of dout come before all warps are done with these',
    file: 'native/cuda/attention/grad_key.cuh',
    units: ['native/cuda/attention/grad_key.cu', 'native/cuda/attention/grad_key_core.cu'],
    find: '      syncBlock();  // all are done with the rows of dout',
    replace: '',
  },
  {
    ...attention,
    bug: 'rows beyond the last are brought as well',
    file: 'native/cuda/attention/tile.cuh',
    find: 'row0 + row < rowEnd ? colEnd - col0 - piece * V : 0;',
    replace: 'colEnd - col0 - piece * V;',
    overrun: true,
  },
  {
    ...gemm,
    bug: 'no wait for the copies of a step',
    find: step,
    replace: step.replace('    copyAsyncWait<kAhead - 1>();\n', ''),
  },
  {
    ...gemm,
    bug: 'a step is multiplied while its copies are the last but one under way',
    find: step,
    replace: step.replace('kAhead - 1', 'kAhead'),
  },
  {
    ...gemm,
    bug: 'no barrier between the copies of all threads and their use',
    find: step,
    replace: step.replace(/ {4}syncBlock.*\n/, ''),
  },
  {
    ...gemm,
    bug: 'a stage is filled again before all are done with it',
    find: step,
    replace: '    copyNext();\n    copyAsyncWait<kAhead>();\n    syncBlock();',
  },
  {
    ...gemm,
    bug: 'warps without rows leave out the barriers of the steps',
    find: step,
    replace: step.replace('syncBlock();', 'if (warpId() != 3 || step == 0) syncBlock();'),
  },
  {
    ...gemm,
    bug: 'pieces at the end of a line are copied whole',
    find: 'const int valid = lines <= 0 || along <= 0 ? 0 : along < V ? along : V;',
    replace: 'const int valid = lines <= 0 || along <= 0 ? 0 : V;',
  },
  {
    ...gemm,
    bug: 'lines beyond the matrix are copied',
    find: 'const int valid = lines <= 0 || along <= 0 ? 0 : along < V ? along : V;',
    replace: 'const int valid = lines <= -100 || along <= 0 ? 0 : along < V ? along : V;',
    overrun: true,
  },
  {
    ...gemm,
    bug: 'lanes read the sums of others before they are written',
    file: 'native/cuda/gemm/tensor_product.cuh',
    units: ['native/cuda/gemm/tensor.cu', 'native/cuda/conv/cores.cu'], // either may give the linker the function
    find: `    __syncwarp();
    for (int r = lane / kAcross; r < 16; r += kAtOnce) {`,
    replace: '    for (int r = lane / kAcross; r < 16; r += kAtOnce) {',
  },
  {
    ...conv,
    ...tensorLoop,
    bug: 'no wait for the copies of a step',
    find: step,
    replace: step.replace('    copyAsyncWait<kAhead - 1>();\n', ''),
  },
  {
    ...conv,
    ...tensorLoop,
    bug: 'no barrier between the copies of all threads and their use',
    find: step,
    replace: step.replace(/ {4}syncBlock.*\n/, ''),
  },
  {
    ...conv,
    ...tensorLoop,
    bug: 'a stage is filled again before all are done with it',
    find: step,
    replace: '    copyNext();\n    copyAsyncWait<kAhead>();\n    syncBlock();',
  },
  {
    ...conv,
    bug: 'a window looks one pixel beyond the image',
    file: 'native/cuda/conv/window.cuh',
    find: '< static_cast<uint32_t>(shape.size[i]);',
    replace: '<= static_cast<uint32_t>(shape.size[i]);',
    overrun: true,
  },
  {
    ...conv,
    bug: 'channels beyond the last are copied',
    file: 'native/cuda/gemm/gather_copies.cuh',
    find: '(count < V ? count : V)',
    replace: '(inside ? V : 0)',
  },
  {
    ...conv,
    bug: 'threads outside the image leave out the barrier at the end',
    ...tensorLoop,
    find: `  copyAsyncWait<0>();
  syncBlock();`,
    replace: `  copyAsyncWait<0>();
  if (laneId() % 4 != 3) syncBlock();`,
  },
];
