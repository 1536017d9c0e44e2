// What a user's program does with the installed package, run by the stage `install` of tools/full.mjs under every runtime and package
// manager: a training step here and in four worker threads, by import and by require.
import { createRequire } from 'node:module';
import { isMainThread, Worker } from 'node:worker_threads';
import { manualSeed, nn, optim, randn, tensor } from 'warpgrad';

async function train() {
  manualSeed(0);
  const model = new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 1));
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  const x = randn([16, 4]);
  const losses = [];
  for (let step = 0; step < 20; step++) {
    const loss = model.forward(x).square().mean();
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    losses.push(await loss.item());
  }
  if (!(losses.at(-1) < losses[0])) throw new Error(`the loss did not fall: ${losses.join(' ')}`);
}

await train();
if (isMainThread) {
  const viaRequire = createRequire(import.meta.url)('warpgrad');
  if (viaRequire.tensor !== tensor) throw new Error('require() gives another warpgrad than import');
  const workers = Array.from({ length: 4 }, () => new Worker(new URL(import.meta.url)));
  const codes = await Promise.all(
    workers.map((each) => new Promise((done, fail) => each.on('error', fail).on('exit', done))),
  );
  if (codes.some((code) => code !== 0)) throw new Error(`workers ended with ${codes.join(' ')}`);
  console.log('trained here and in 4 workers');
}
