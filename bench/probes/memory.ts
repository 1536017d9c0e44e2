// The most memory a process that trains ever held: ours and PyTorch's, each model in a process of its own, some captured steps.
//   npm run bench -- memory [--steps 10] [--peers pytorch,…]
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chosen } from '../../lib/bench/cases.ts';
import type { Case } from '../../lib/bench/family.ts';
import { machine, print } from '../../lib/bench/machine.ts';
import { device, scope } from '../../lib/index.ts';
import { commit } from '../commit.ts';
import { startPeer } from '../peers/peer.ts';

/** MiB at the most so far, of a process on Linux. */
function peakOf(pid: number | 'self'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** In a process of its own: steps of the case, then the peak on its output. */
function runAlone(one: Case, steps: number): void {
  scope(() => {
    const work = one.make();
    for (let i = 0; i < steps; i++) scope(() => void work.run());
    device('cpu').synchronizeSync();
  });
  console.log(peakOf('self'));
}

export async function run(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      steps: { type: 'string', default: '10' },
      peers: { type: 'string', default: 'pytorch' },
      alone: { type: 'string' },
    },
  });
  const steps = Number(values.steps);
  const cases = chosen(['step', ', captured']);
  const alone = cases.find(({ name }) => name === values.alone);
  if (alone) return runAlone(alone, steps);
  print({ about: 'MiB a process held at the most', ...machine(), commit: commit(), steps });
  const runner = fileURLToPath(new URL('../run.js', import.meta.url));
  for (const one of cases) {
    const args = [runner, 'memory', '--alone', one.name, '--steps', values.steps];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    const ours = Number(stdout);
    if (!(ours > 0)) throw new Error(`${one.name}: ${stderr}`);
    for (const name of values.peers.split(',')) {
      const peer = await startPeer(name, 1);
      if (typeof peer === 'string') {
        console.log(`# ${peer}`);
        continue;
      }
      if (await peer.make(one)) {
        await peer.run(steps, 'wall');
        const theirs = peakOf(peer.pid);
        print({ case: one.name, ours, peer: theirs, peerName: name, ratio: theirs / ours, unit: 'MiB' });
      }
      peer.stop();
    }
  }
}
