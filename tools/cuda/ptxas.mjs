// What `nvcc -Xptxas -v` says, as rows.

/**
 * @typedef {object} Usage
 * @property {string} name mangled
 * @property {number} architecture 80 for sm_80
 * @property {number} registers
 * @property {number} stack bytes of the frame, without what callees take
 * @property {number} spills bytes stored and loaded because registers ran out
 * @property {number} shared bytes of static shared memory
 */

/** @param {string} text @returns {{ kernels: Usage[], complaints: string[] }} */
export function parsePtxas(text) {
  /** @type {Usage[]} */
  const kernels = [];
  let stack = 0;
  let spills = 0;
  let current = { name: '', architecture: 0 };
  for (const line of text.split('\n')) {
    const entry = /Compiling entry function '(\w+)' for 'sm_(\d+)/.exec(line);
    if (entry) {
      current = { name: entry[1] ?? '', architecture: Number(entry[2]) };
      stack = spills = 0;
    }
    // Functions that are called and not inlined have properties of their own, which count as their kernel's.
    const frame = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    if (frame) {
      stack = Math.max(stack, Number(frame[1]));
      spills += Number(frame[2]) + Number(frame[3]);
    }
    const used = /Used (\d+) registers/.exec(line);
    if (used) {
      const shared = Number(/ (\d+) bytes smem/.exec(line)?.[1] ?? 0);
      kernels.push({ ...current, registers: Number(used[1]), stack, spills, shared });
      stack = spills = 0;
    }
  }
  const complaints = text.split('\n').filter((line) => /Potential Performance Loss|C75\d\d/.test(line));
  return { kernels, complaints };
}

/** What an SM has of each: of sm_80 and its relatives. */
const limits = /** @type {const} */ ({
  80: { threads: 2048, blocks: 32, shared: 164 << 10 },
  86: { threads: 1536, blocks: 16, shared: 100 << 10 },
  89: { threads: 1536, blocks: 24, shared: 100 << 10 },
  90: { threads: 2048, blocks: 32, shared: 228 << 10 },
});

/**
 * The share of an SM's warps that blocks of this size can fill, in per cent; dynamic shared memory is not known here.
 * @param {{ registers: number, shared: number, architecture: number }} usage @param {number} threads
 */
export function occupancy({ registers, shared, architecture }, threads) {
  const limit = limits[/** @type {keyof typeof limits} */ (architecture)];
  const warps = Math.ceil(threads / 32);
  const perWarp = Math.ceil((registers * 32) / 256) * 256;
  // Registers are handed out by quarters of an SM.
  const byRegisters = Math.floor((4 * Math.floor(16384 / perWarp)) / warps);
  const byShared = Math.floor(limit.shared / (shared + 1024)); // the system takes 1 KiB a block
  const blocks = Math.min(limit.blocks, Math.floor(limit.threads / 32 / warps), byRegisters, byShared);
  return Math.round((100 * blocks * warps) / (limit.threads / 32));
}
