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
];
