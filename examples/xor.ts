// The smallest network that needs a hidden layer, trained with a captured step.
//   npm run build && npx tsc -p tsconfig.examples.json && node .test/examples/xor.js
import { capture, manualSeed, nn, optim, scope, tensor } from 'warpgrad';
import type { Tensor } from 'warpgrad';

manualSeed(2);
const x = tensor([
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
]);
const y = tensor([[0], [1], [1], [0]]);
const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
const loss = new nn.BCEWithLogitsLoss();
const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 });

const step = capture(
  (input: Tensor, target: Tensor) => {
    const error = loss.forward(model.forward(input), target);
    optimizer.zeroGrad();
    error.backward();
    optimizer.step();
    return error.detach();
  },
  { modules: [model] },
);

for (let i = 1; i <= 500; i++) {
  const error = scope(() => step(x, y));
  if (i % 100 === 0) console.log(`step ${i}  loss ${(await error.item()).toFixed(4)}`);
  error.dispose();
}
const answers = (await model.forward(x).sigmoid().toArray()) as number[][];
for (const [i, [answer = Number.NaN]] of answers.entries())
  console.log(`${i >> 1} xor ${i & 1} = ${answer.toFixed(3)}`);
