import { strict as assert } from 'node:assert';
import { suite } from 'uvu';
import { noGrad, ones, optim, randn, scope, type Tensor, tensor, zeros } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { nn } from '../../lib/index.ts';
import { close, rejects } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

const test = suite('nn norms and losses');
const values = (t: Tensor): number[] => [...elements(t)].map(Number);

test('norm layers start as the plain norm and train their scale and shift', () => {
  scope(() => {
    const x = randn([4, 6, 5]);
    const layers: [nn.Module & { forward(x: Tensor): Tensor }, Tensor, number][] = [
      [new nn.LayerNorm(5), ops.layerNorm(x, 5), 2],
      [new nn.LayerNorm([6, 5], { bias: false }), ops.layerNorm(x, [6, 5]), 1],
      [new nn.RMSNorm(5, { eps: 1e-6 }), ops.rmsNorm(x, 5, { eps: 1e-6 }), 1],
      [new nn.GroupNorm(3, 6), ops.groupNorm(x, 3), 2],
      [new nn.InstanceNorm(6, { affine: true }), ops.instanceNorm(x), 2],
      [new nn.InstanceNorm(6), ops.instanceNorm(x), 0],
      [new nn.LocalResponseNorm(3), ops.localResponseNorm(x, 3), 0],
      [new nn.BatchNorm1d(6), ops.batchNorm(x, { training: true }), 2],
    ];
    for (const [layer, wanted, parameters] of layers) {
      close(values(layer.forward(x)), values(wanted), 1e-6);
      assert.equal(layer.parameters().length, parameters);
      if (parameters === 0) continue;
      const optimizer = new optim.SGD(layer.parameters(), { lr: 0.1 });
      const before = values(layer.forward(x).sub(1).square().mean())[0] as number;
      for (let i = 0; i < 5; i++) {
        optimizer.zeroGrad();
        layer.forward(x).sub(1).square().mean().backward();
        optimizer.step();
      }
      assert.ok((values(layer.forward(x).sub(1).square().mean())[0] as number) < before, layer.constructor.name);
      optimizer.dispose();
    }
  });
});

test('running statistics of BatchNorm3d and InstanceNorm serve evaluation', () => {
  scope(() => {
    const x = randn([3, 2, 2, 3, 4]).mul(3).add(1);
    for (const layer of [
      new nn.BatchNorm3d(2, { momentum: 1 }),
      new nn.InstanceNorm(2, { momentum: 1, trackRunningStats: true }),
    ]) {
      layer.forward(x);
      layer.eval();
      const y = noGrad(() => layer.forward(x));
      const m = values(layer.runningMean as Tensor)[0] as number;
      const v = values(layer.runningVar as Tensor)[0] as number;
      const first = (values(x)[0] as number) - m;
      close([values(y)[0] as number], [first / Math.sqrt(v + 1e-5)], 1e-4);
    }
  });
});

test('what norm layers refuse', () => {
  rejects(() => new nn.LayerNorm([]), 'ERR_ARGUMENT', /normalizedShape/);
  rejects(() => new nn.GroupNorm(4, 6), 'ERR_ARGUMENT', /divide/);
  rejects(() => new nn.LayerNorm(3, { eps: -1 }), 'ERR_ARGUMENT', /eps/);
  rejects(() => new nn.BatchNorm1d(3).forward(ones([2, 3, 4, 5])), 'ERR_SHAPE', /\[N, 3/);
  rejects(() => new nn.BatchNorm3d(3).forward(ones([2, 3])), 'ERR_SHAPE', /D, H, W/);
});

test('loss modules are the ops with their options', () => {
  scope(() => {
    const [x, t] = [randn([3, 4]), randn([3, 4])];
    const sign = t.sign();
    const p = x.sigmoid();
    const q = t.sigmoid();
    const labels = tensor(Int32Array.of(0, 3, 1));
    const sum = { reduction: 'sum' } as const;
    const pairs: [Tensor, Tensor][] = [
      [new nn.L1Loss(sum).forward(x, t), ops.l1Loss(x, t, sum)],
      [new nn.MSELoss(sum).forward(x, t), ops.mseLoss(x, t, sum)],
      [new nn.SmoothL1Loss({ beta: 0.5 }).forward(x, t), ops.smoothL1Loss(x, t, { beta: 0.5 })],
      [new nn.HuberLoss({ delta: 0.5 }).forward(x, t), ops.huberLoss(x, t, { delta: 0.5 })],
      [new nn.KLDivLoss(sum).forward(x, q), ops.klDiv(x, q, sum)],
      [new nn.PoissonNLLLoss().forward(x, q), ops.poissonNllLoss(x, q)],
      [new nn.GaussianNLLLoss().forward(x, t, q), ops.gaussianNllLoss(x, t, q)],
      [new nn.BCELoss(sum).forward(p, q), ops.binaryCrossEntropy(p, q, sum)],
      [new nn.BCEWithLogitsLoss(sum).forward(x, q), ops.binaryCrossEntropyWithLogits(x, q, sum)],
      [new nn.FocalLoss({ gamma: 1 }).forward(x, q), ops.focalLoss(x, q, { gamma: 1 })],
      [new nn.DiceLoss().forward(p, q), ops.diceLoss(p, q)],
      [new nn.SoftMarginLoss().forward(x, sign), ops.softMarginLoss(x, sign)],
      [new nn.HingeEmbeddingLoss({ margin: 2 }).forward(x, sign), ops.hingeEmbeddingLoss(x, sign, { margin: 2 })],
      [new nn.MarginRankingLoss().forward(x, t, sign), ops.marginRankingLoss(x, t, sign)],
      [new nn.MultiMarginLoss({ p: 2 }).forward(x, labels), ops.multiMarginLoss(x, labels, { p: 2 })],
      [new nn.MultiLabelSoftMarginLoss().forward(x, q), ops.multilabelSoftMarginLoss(x, q)],
      [new nn.TripletMarginLoss({ swap: true }).forward(x, t, q), ops.tripletMarginLoss(x, t, q, { swap: true })],
      [new nn.CosineEmbeddingLoss().forward(x, t, ones([3])), ops.cosineEmbeddingLoss(x, t, ones([3]))],
      [new nn.NLLLoss(sum).forward(x, labels), ops.nllLoss(x, labels, sum)],
      [
        new nn.CrossEntropyLoss({ labelSmoothing: 0.1 }).forward(x, labels),
        ops.crossEntropy(x, labels, { labelSmoothing: 0.1 }),
      ],
      [
        new nn.CTCLoss(sum).forward(zeros([4, 1, 3]), tensor([[1]], { dtype: 'int32' }), [4], [1]),
        ops.ctcLoss(zeros([4, 1, 3]), tensor([[1]], { dtype: 'int32' }), [4], [1], sum),
      ],
    ];
    for (const [got, wanted] of pairs) close(values(got), values(wanted), 1e-6);
  });
});

test.run();
