// The peers of `npm run bench:peers`: those that the package knows (lib/bench/peer.ts has the protocol), and those that need what only
// this repository has.
import { join } from 'node:path';
import { packageRoot } from '../../test/support/package-root.ts';
import { type Adapter, peerAdapters, startPeer as start, type Peer } from '../../lib/bench/peer.ts';

const folder = join(packageRoot(import.meta.url), 'bench/peers');
const install = 'bench/peers/install.sh installs it';

// glibc told to keep large blocks, in huge pages: without it PyTorch pays for page faults at each large output.
const keepMemory = `glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=${2 ** 34}:glibc.malloc.trim_threshold=${2 ** 34}`;
const ofPackage = Object.entries(peerAdapters).map(([name, adapter]) => [name, { ...adapter, install, from: folder }]);
const { pytorch, ...others } = Object.fromEntries(ofPackage) as Record<string, Adapter> & { pytorch: Adapter };
const blas = { language: 'python', script: 'bench/peers/blas.py', module: 'numpy', install } as const;

const adapters: Readonly<Record<string, Adapter>> = {
  pytorch,
  'pytorch-thp': { ...pytorch, env: { GLIBC_TUNABLES: keepMemory } },
  'pytorch-avx512': { ...pytorch, env: { GLIBC_TUNABLES: keepMemory, ATEN_CPU_CAPABILITY: 'avx512' } },
  onednn: { ...blas, args: ['onednn'] },
  openblas: { ...blas, args: ['openblas'] },
  ...others,
};
export const peerNames: readonly string[] = Object.keys(adapters);

/** The peer at work, or a line that says why not. */
export const startPeer = (name: string, threads: number): Promise<Peer | string> => start(name, threads, adapters);
export type { Peer };
