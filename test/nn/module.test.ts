import { strict as assert } from 'node:assert';
import { suite } from 'uvu';
import { memory, nn, noGrad, ones, scope, type Tensor, tensor, zeros } from '../../lib/index.ts';
import { rejects } from '../support/rejects.ts';

const test = suite('nn.Module');

class Block extends nn.Module {
  readonly first = new nn.Linear(3, 4);
  readonly norm = new nn.BatchNorm2d(2);
  readonly scale = nn.parameter(ones([1]));
  readonly count = nn.buffer(zeros([], { dtype: 'int64' }));
  readonly plain = zeros([2]);
  readonly tail: readonly nn.Layer[] = [new nn.Linear(4, 2, { bias: false }), new nn.ReLU()];

  forward(x: Tensor): Tensor {
    return this.tail.reduce((y, layer) => layer.forward(y), this.first.forward(x)).mul(this.scale);
  }
}

test('finds parameters, buffers and children by their properties', () => {
  const block = new Block();
  assert.deepEqual(
    [...block.namedParameters()].map(([name]) => name),
    ['scale', 'first.weight', 'first.bias', 'norm.weight', 'norm.bias', 'tail.0.weight'],
  );
  assert.deepEqual(
    [...block.namedBuffers()].map(([name]) => name),
    ['count', 'norm.runningMean', 'norm.runningVar'],
  );
  assert.deepEqual(
    [...block.namedModules()].map(([name]) => name),
    ['', 'first', 'norm', 'tail.0', 'tail.1'],
  );
  assert.equal(
    block.parameters().every((p) => p.requiresGrad),
    true,
  );
  assert.equal(
    block.buffers().some((b) => b.requiresGrad),
    false,
  );
});

test('a shared tensor is one parameter with two paths', () => {
  const a = new nn.Linear(2, 2, { bias: false });
  const tied = new nn.Sequential(a, a, new nn.Linear(2, 2, { bias: false }));
  assert.equal(tied.parameters().length, 2);
  assert.deepEqual([...tied.stateDict().keys()], ['0.weight', '2.weight']);
});

test('train and eval reach every module', () => {
  const block = new Block().eval();
  assert.equal(
    block.modules().some((m) => m.training),
    false,
  );
  assert.equal(
    block
      .train()
      .modules()
      .every((m) => m.training),
    true,
  );
});

test('a state dict goes round', async () => {
  const from = new Block();
  const to = new Block();
  noGrad(() => from.norm.runningMean?.fill_(3));
  assert.deepEqual(to.loadStateDict(from.stateDict()), { missing: [], unexpected: [] });
  for (const [name, t] of from.stateDict())
    assert.deepEqual(await to.stateDict().get(name)?.data(), await t.data(), name);
});

test('names what is missing, unexpected or of another shape, and changes nothing then', async () => {
  const layer = new nn.Linear(2, 2);
  const before = await layer.weight.data();
  const state = new Map<string, Tensor>([
    ['weight', ones([2, 2])],
    ['extra', ones([1])],
  ]);
  rejects(() => layer.loadStateDict(state), 'ERR_ARGUMENT', /missing bias; unexpected extra/);
  assert.deepEqual(layer.loadStateDict(state, { strict: false }), { missing: ['bias'], unexpected: ['extra'] });
  noGrad(() => layer.weight.copy_(tensor(before, { shape: [2, 2] })));
  const wrong = new Map<string, Tensor>([
    ['weight', ones([2, 2])],
    ['bias', ones([3])],
  ]);
  rejects(() => layer.loadStateDict(wrong), 'ERR_SHAPE', /bias wants \[2\], got \[3\]/);
  assert.deepEqual(await layer.weight.data(), before);
});

test('casts its parameters and keeps tied ones tied', () => {
  const a = new nn.Linear(2, 2);
  const tied = new nn.Sequential(a, a).to('float64');
  assert.equal(a.weight.dtype, 'float64');
  assert.equal(a.weight.requiresGrad, true);
  assert.equal(tied.parameters().length, 2);
  const kept = a.weight;
  assert.equal(tied.to('cpu').parameters()[0], kept, 'moving to the same device changes nothing');
  rejects(() => tied.to('int32'), 'ERR_ARGUMENT', /fractional dtype/);
});

test('freezes, visits and drops gradients', () => {
  const block = new Block();
  block.first.requiresGrad_(false);
  block
    .forward(ones([5, 3]))
    .sum()
    .backward();
  assert.equal(block.first.weight.grad, null);
  assert.ok(block.scale.grad);
  block.zeroGrad();
  assert.equal(block.scale.grad, null);
  const seen: string[] = [];
  block.apply((module, path) => seen.push(`${path}:${module.constructor.name}`));
  assert.deepEqual(seen, [':Block', 'first:Linear', 'norm:BatchNorm2d', 'tail.0:Linear', 'tail.1:ReLU']);
});

test('a shape error names the path of the layer', () => {
  const net = new nn.Sequential(new nn.Flatten(), new nn.Sequential(new nn.ReLU(), new nn.Linear(3, 2)));
  rejects(() => net.forward(ones([2, 5])), 'ERR_SHAPE', /^Sequential\.1\.1 \(Linear\): linear: /);
});

test('prints the tree', () => {
  const net = new nn.Sequential(
    new nn.Conv2d(1, 2, [3, 5], { stride: 2, padding: 1 }),
    new nn.Sequential(new nn.Dropout(0.1)),
  );
  assert.equal(
    String(net),
    'Sequential(\n  (0): Conv2d(1, 2, kernel 3×5, stride 2, padding 1)\n  (1): Sequential(\n    (0): Dropout(0.1)\n  )\n)\n32 parameters',
  );
});

test('survives the scope it was made in, and frees everything on dispose', () => {
  const live = (): number => memory()['cpu']?.live ?? 0;
  const before = live();
  const net = scope(() => new nn.Sequential(new nn.Linear(8, 8), new nn.BatchNorm2d(3)));
  assert.equal(
    net.parameters().some((p) => p.disposed),
    false,
  );
  scope(() =>
    net
      .at(0)
      ?.forward(ones([2, 8]))
      .sum()
      .backward(),
  );
  net.dispose();
  assert.equal(live(), before);
});

test.run();
