// The LeNet step, batch 64, ours and PyTorch's: same weights, same digits, one thread each, in turns of ten steps.
//   npm run bench -- lenet-losses [--steps 200] [--threads 1] [--python /usr/bin/python3]
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type { Tensor } from '../../lib/index.ts';
import { capture, crossEntropy, data, manualSeed, optim, scope, setThreads, tensor } from '../../lib/index.ts';
import { packageRoot } from '../../test/support/package-root.ts';
import { machine, print } from '../../lib/bench/machine.ts';
import { lenet } from '../../lib/bench/models.ts';
import { median } from '../../lib/bench/statistics.ts';
import { seconds } from '../../lib/bench/timing.ts';

const batch = 64;
const turn = 10;

export async function run(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: { steps: { type: 'string' }, threads: { type: 'string' }, python: { type: 'string' } },
  });
  const steps = Number(values.steps ?? 200);
  const threads = Number(values.threads ?? 1);
  setThreads(threads);
  manualSeed(1);
  const model = lenet(28, 10);
  const digits = await data.mnistDigits({ seed: 1 });
  const [pictures, classes] = digits.train.fields;
  const count = Math.floor(Math.min(digits.train.length, 8 * batch) / batch);
  const images = new Float32Array(count * batch * 784);
  const labels = new Int32Array(count * batch);
  // The set is ordered by class; a step coprime to its length mixes it.
  for (let i = 0; i < labels.length; i++) {
    const from = (i * 1009) % digits.train.length;
    labels[i] = classes.data[from] as number;
    for (let p = 0; p < 784; p++) images[i * 784 + p] = (pictures.data[from * 784 + p] as number) / 255;
  }
  const folder = mkdtempSync(join(tmpdir(), 'warpgrad-lenet-'));
  try {
    writeFileSync(join(folder, 'images.f32'), images);
    writeFileSync(join(folder, 'labels.i32'), labels);
    const parameters = model.parameters();
    for (let i = 0; i < parameters.length; i++) {
      writeFileSync(join(folder, `parameter${i}.f32`), (await (parameters[i] as Tensor).data()) as Float32Array);
    }
    const optimizer = new optim.Adam(parameters, { lr: 1e-3 });
    const step = capture((x: Tensor, y: Tensor): Tensor => {
      optimizer.zeroGrad();
      const loss = crossEntropy(model.forward(x), y);
      loss.backward();
      optimizer.step();
      return loss.detach();
    });
    let done = 0;
    const ours = async (): Promise<{ seconds: number; losses: number[] }> => {
      const losses: number[] = [];
      const start = seconds();
      for (let i = 0; i < turn; i++) {
        const at = (done++ % count) * batch;
        const loss = scope(() =>
          step(
            tensor(images.subarray(at * 784, (at + batch) * 784), { shape: [batch, 1, 28, 28] }),
            tensor(labels.subarray(at, at + batch)),
          ),
        );
        losses.push(await loss.item());
        loss.dispose();
      }
      return { seconds: seconds() - start, losses };
    };
    const peer = await startPeer(values.python ?? '/usr/bin/python3', folder, threads);
    const times: [number, number][] = [];
    const curves: [number[], number[]] = [[], []];
    for (let at = 0; at < steps; at += turn) {
      const mine = await ours();
      const theirs = await peer.steps(turn);
      times.push([mine.seconds / turn, theirs.seconds / turn]);
      curves[0].push(...mine.losses);
      curves[1].push(...theirs.losses);
    }
    peer.stop();
    const rest = times.slice(1); // the first turn warms both up
    const a = median(rest.map(([mine]) => mine)) * 1e3;
    const b = median(rest.map(([, theirs]) => theirs)) * 1e3;
    print({
      case: 'lenet-losses',
      ...machine(),
      peer: `pytorch ${peer.version}`,
      threads,
      steps,
      oursMs: a,
      peerMs: b,
      ratio: median(rest.map(([mine, theirs]) => theirs / mine)),
      lossOurs: curves[0].at(-1),
      lossPeer: curves[1].at(-1),
      lossDifference: Math.abs((curves[0].at(-1) as number) - (curves[1].at(-1) as number)),
      differences: curves[0]
        .filter((_, i) => i % 20 === 0)
        .map((loss, i) => Math.abs(loss - (curves[1][i * 20] as number))),
      largestDifference: Math.max(...curves[0].map((loss, i) => Math.abs(loss - (curves[1][i] as number)))),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Peer {
  readonly version: string;
  steps(count: number): Promise<{ seconds: number; losses: number[] }>;
  stop(): void;
}

async function startPeer(python: string, folder: string, threads: number): Promise<Peer> {
  const script = join(packageRoot(import.meta.url), 'bench', 'peers', 'lenet-losses.py');
  const child = spawn(python, [script, folder, String(threads), String(batch)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, never>> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${python} ended: is PyTorch installed (Debian: python3-torch)?`);
    return JSON.parse(value as string) as Record<string, never>;
  };
  const { ready } = (await answer()) as unknown as { ready: string };
  return {
    version: ready,
    async steps(count) {
      child.stdin.write(`steps ${count}\n`);
      return (await answer()) as unknown as { seconds: number; losses: number[] };
    },
    stop: () => child.stdin.end(),
  };
}
