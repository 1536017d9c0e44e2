// An op with a gradient of its own: rounding to a grid that lets gradients through, and a network trained with weights of 3 bits.
//   npm run build && npx tsc -p tsconfig.examples.json && node .test/examples/custom-op.js
import { defineOp, gradCheck, manualSeed, nn, optim, randn, scope, tensor } from 'warpgrad';
import type { Tensor } from 'warpgrad';

/** The multiple of `step` next to each element, at most `limit` from 0; the gradient is that of a clamp (Bengio 2013). */
const quantize = defineOp({
  name: 'quantize',
  forward: (_, x: Tensor, step: number, limit: number) =>
    x.clamp({ min: -limit, max: limit }).div(step).round().mul(step),
  backward: (ctx, dy) => {
    const [x, , limit] = ctx.args;
    return [dy.mul(x.abs().le(limit).to(dy.dtype)), null, null];
  },
});

/** x ↦ x + a·sin²(x)/a (Ziyin 2020): composed, so its gradients of every order come by themselves. */
const snake = (x: Tensor, a = 1): Tensor => x.add(x.mul(a).sin().square().div(a));

class Small extends nn.Module {
  hidden = new nn.Linear(1, 32);
  out = new nn.Linear(32, 1);
  forward(x: Tensor): Tensor {
    const { weight, bias } = this.hidden;
    return this.out.forward(snake(x.matmul(quantize(weight, 0.25, 0.75).transpose(0, 1)).add(bias as Tensor)));
  }
}

gradCheck((x) => snake(x), [tensor([0.4, -1.3], { dtype: 'float64' })], { order: 2 });

manualSeed(1);
const model = new Small();
const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 });
let last = Number.NaN;
for (let i = 0; i < 300; i++) {
  const loss = scope(() => {
    const x = randn([64, 1]);
    const error = model.forward(x).sub(x.mul(2).sin()).square().mean();
    optimizer.zeroGrad();
    error.backward();
    optimizer.step();
    return error.detach();
  });
  if (i % 50 === 49) {
    last = await loss.item();
    console.log(`step ${i + 1}  loss ${last.toFixed(4)}`);
  }
  loss.dispose();
}
const levels = new Set(Array.from(await quantize(model.hidden.weight, 0.25, 0.75).data(), Number));
console.log(`${levels.size} different weights in the hidden layer, loss ${last.toFixed(4)}`);
