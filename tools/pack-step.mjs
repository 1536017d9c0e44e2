// One training step as a user of the published package writes it; run by the `pack` stage of tools/ci.mjs.
import { manualSeed, nn, optim, randn } from 'warpgrad';

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
