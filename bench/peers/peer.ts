// The peers of `npm run bench:peers`: those that the package knows (lib/bench/peer.ts has the protocol), and those that need what only
// this repository has.
import { type Adapter, peerAdapters, startPeer as start, type Peer } from '../../lib/bench/peer.ts';

// glibc told to keep large blocks, in huge pages: without it PyTorch pays for page faults at each large output.
const keepMemory = `glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=${2 ** 34}:glibc.malloc.trim_threshold=${2 ** 34}`;
const pytorch = { ...(peerAdapters['pytorch'] as Adapter), install: 'bench/peers/install.sh installs it' };

const adapters: Readonly<Record<string, Adapter>> = {
  ...peerAdapters,
  pytorch,
  'pytorch-thp': { ...pytorch, env: { GLIBC_TUNABLES: keepMemory } },
  'pytorch-avx512': { ...pytorch, env: { GLIBC_TUNABLES: keepMemory, ATEN_CPU_CAPABILITY: 'avx512' } },
};
export const peerNames: readonly string[] = Object.keys(adapters);

/** The peer at work, or a line that says why not. */
export const startPeer = (name: string, threads: number): Promise<Peer | string> => start(name, threads, adapters);
export type { Peer };
