// A peer is a process that makes our cases with another library and runs them when told. One JSON line each way:
//   {"make": {"family": …, …the case's numbers}}  →  {"made": true} or {"made": false, "reason": …}
//   {"run": 20}                                   →  {"wall": seconds of 20 calls, "cpu": of them on processors}
// and {"ready": version} at first. What it has no counterpart for it says so.
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../native/load.ts';
import type { Case } from './family.ts';
import type { Clock } from './timing.ts';

/** How a peer's process is started; it gets the number of threads as its argument. */
export interface Adapter {
  readonly language: 'python' | 'node';
  /** From the package's root. */
  readonly script: string;
  readonly args?: readonly string[];
  /** What has to be importable, and how to get it. */
  readonly module: string;
  readonly install: string;
  /** The folder whose node_modules hold it; the current one when absent. */
  readonly from?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Those that the package brings a script for. */
export const peerAdapters: Readonly<Record<string, Adapter>> = {
  pytorch: { language: 'python', script: 'tools/peers/pytorch.py', module: 'torch', install: 'pip install torch' },
  'tfjs-wasm': {
    language: 'node',
    script: 'tools/peers/tfjs.mjs',
    module: '@tensorflow/tfjs-backend-wasm',
    install: 'npm install @tensorflow/tfjs @tensorflow/tfjs-backend-wasm',
  },
  onnxruntime: {
    language: 'node',
    script: 'tools/peers/onnx.mjs',
    module: 'onnxruntime-node',
    install: 'npm install --ignore-scripts onnxruntime-node',
  },
  'jax-js': {
    language: 'node',
    script: 'tools/peers/jax.mjs',
    module: '@jax-js/jax',
    install: 'npm install @jax-js/jax',
  },
};

export interface Peer {
  readonly name: string;
  readonly version: string;
  /** The id of its process. */
  readonly pid: number;
  /** False where the peer has nothing of the kind. */
  make(one: Case): Promise<boolean>;
  /** Seconds a call. */
  run(calls: number, clock: Clock): Promise<number>;
  stop(): void;
}

/** The first Python that has the module, or null. */
function pythonWith(module: string): string | null {
  const candidates = [process.env['PYTHON'], 'python3', '/usr/bin/python3'].filter((each) => each !== undefined);
  return candidates.find((each) => spawnSync(each, ['-c', `import ${module}`]).status === 0) ?? null;
}

/** What runs the adapter's script, or null where its module is not installed. */
function commandOf({ language, module, from = process.cwd() }: Adapter): string | null {
  if (language === 'python') return pythonWith(module);
  try {
    createRequire(join(from, 'noop.js')).resolve(module);
    return process.execPath;
  } catch {
    return null;
  }
}

/** The peer at work, or a line that says why not. */
export async function startPeer(
  name: string,
  threads: number,
  adapters: Readonly<Record<string, Adapter>> = peerAdapters,
): Promise<Peer | string> {
  const adapter = adapters[name];
  if (adapter === undefined) return `${name}: unknown; peers are ${Object.keys(adapters).join(', ')}`;
  const absent = `${name}: absent (${adapter.install})`;
  const command = commandOf(adapter);
  if (command === null) return absent;
  const counts = { OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) };
  const child = spawn(command, [join(packageRoot, adapter.script), ...(adapter.args ?? []), String(threads)], {
    ...(adapter.from === undefined ? {} : { cwd: adapter.from }),
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...counts, ...adapter.env },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown> | null> => {
    const { value, done } = await lines.next();
    return done ? null : (JSON.parse(value as string) as Record<string, unknown>);
  };
  const ask = async (question: unknown): Promise<Record<string, unknown>> => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    const reply = await answer();
    if (reply === null) throw new Error(`${name} ended without an answer`);
    return reply;
  };
  const ready = await answer();
  if (ready === null) return absent;
  return {
    name,
    version: String(ready['ready']),
    pid: child.pid as number,
    make: async ({ family, params }) => (await ask({ make: { family, ...params } }))['made'] === true,
    run: async (calls, clock) => ((await ask({ run: calls }))[clock === 'cpu' ? 'cpu' : 'wall'] as number) / calls,
    stop: () => child.stdin.end(),
  };
}
