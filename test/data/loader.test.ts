import { strict as assert } from 'node:assert';
import { suite } from 'uvu';
import { data, type Tensor, tensor } from '../../lib/index.ts';
import { liveBytes } from '../support/devices.ts';
import { rejects, rejectsLater } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

const test = suite('data.DataLoader');

function numbers(length: number): data.ArrayDataset {
  return new data.ArrayDataset([
    { data: Float32Array.from({ length: 2 * length }, (_, i) => i), shape: [length, 2] },
    { data: Int32Array.from({ length }, (_, i) => i), shape: [length] },
  ]);
}

/** Labels of the batches of what is left of the epoch, at most `most` batches. */
async function walk(loader: data.DataLoader, most = Number.POSITIVE_INFINITY): Promise<number[][]> {
  const batches: number[][] = [];
  for await (const [x, y] of loader) {
    const labels = [...elements(y)];
    assert.deepEqual(
      [...elements(x)],
      labels.flatMap((label) => [2 * label, 2 * label + 1]),
    );
    batches.push(labels);
    x.dispose();
    y.dispose();
    if (batches.length >= most) break;
  }
  return batches;
}

test('hands out every sample once, in batches', async () => {
  const loader = new data.DataLoader(numbers(10), { batchSize: 4 });
  assert.equal(loader.length, 3);
  assert.deepEqual(await walk(loader), [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9],
  ]);
  const dropping = new data.DataLoader(numbers(10), { batchSize: 4, dropLast: true });
  assert.equal(dropping.samples, 8);
  assert.deepEqual(await walk(dropping), [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ]);
});

test('the order is a function of seed and epoch', async () => {
  const make = (seed: number): data.DataLoader =>
    new data.DataLoader(numbers(50), { batchSize: 7, shuffle: true, seed });
  const loader = make(3);
  const first = await walk(loader);
  const second = await walk(loader);
  assert.notDeepEqual(second, first);
  assert.deepEqual(
    first.flat().sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i),
  );
  const again = make(3);
  assert.deepEqual([await walk(again), await walk(again)], [first, second]);
  assert.notDeepEqual(await walk(make(4)), first);
  assert.deepEqual([...make(3).order(1)], second.flat());
});

test('restores any place of any epoch, for every amount of prefetch', async () => {
  for (const prefetch of [0, 1, 5, 100]) {
    const options = { batchSize: 3, shuffle: true, seed: 9, prefetch };
    const loader = new data.DataLoader(numbers(20), options);
    const epochs = [await walk(loader), await walk(loader)];
    assert.deepEqual(loader.state, { epoch: 2, cursor: 0, seed: 9, samples: 20, batchSize: 3 });
    const other = new data.DataLoader(numbers(20), options);
    other.restore({ ...loader.state, epoch: 1, cursor: 4 });
    assert.deepEqual(await walk(other), epochs[1]?.slice(4));
    assert.equal(other.state.epoch, 2);
    other.restore({ ...loader.state, epoch: 0, cursor: 7 });
    assert.deepEqual(await walk(other), [], 'the end of an epoch is a place too');
    assert.deepEqual(await walk(other), epochs[1]);
  }
});

test('leaving a walk early gives up the rest of its epoch', async () => {
  const loader = new data.DataLoader(numbers(10), { batchSize: 2, shuffle: true });
  await walk(loader, 2);
  assert.deepEqual([loader.state.epoch, loader.state.cursor], [1, 0]);
});

test('makes batches ahead, and never more than asked for', async () => {
  let made = 0;
  const source = data.transform(numbers(40), (batch) => {
    made++;
    return batch;
  });
  let taken = 0;
  for await (const [x, y] of new data.DataLoader(source, { batchSize: 4, prefetch: 2 })) {
    taken++;
    x.dispose();
    y.dispose();
    await new Promise((resolve) => setTimeout(resolve, 2));
    assert.equal(made, Math.min(10, taken + 2));
  }
  assert.equal(taken, 10);
});

test('augmentation is drawn from the epoch and the batch', async () => {
  const noisy = (): data.DataLoader =>
    new data.DataLoader(
      data.transform(numbers(8), ([x, y], random) => {
        const noise = Float32Array.from({ length: x.data.length }, () => random.uniform());
        return [{ data: noise, shape: x.shape }, y] as const;
      }),
      { batchSize: 4, seed: 2 },
    );
  const draws = async (loader: data.DataLoader): Promise<number[]> => {
    const all: number[] = [];
    for await (const [x] of loader) all.push(...elements(x));
    return all;
  };
  const whole = noisy();
  const [first, second] = [await draws(whole), await draws(whole)];
  assert.notDeepEqual(first, second);
  const resumed = noisy();
  resumed.restore({ ...resumed.state, epoch: 1, cursor: 1 });
  assert.deepEqual(await draws(resumed), second.slice(8));
});

test('a failing sample names itself, and the batch can be tried again', async () => {
  let poison = true;
  const source = data.fromSamples({
    length: 6,
    get: (i) => {
      if (i === 3 && poison) throw new Error('cannot read');
      return [
        { data: new Float32Array([2 * i, 2 * i + 1]), shape: [2] },
        { data: new Int32Array([i]), shape: [] },
      ] as const;
    },
  });
  const loader = new data.DataLoader(source, { batchSize: 2, prefetch: 3 });
  await rejectsLater(walk(loader), 'ERR_ARGUMENT', /batch 1 of epoch 0 \(samples 2, 3\) failed: cannot read/);
  poison = false;
  assert.deepEqual(await walk(loader), [
    [2, 3],
    [4, 5],
  ]);
});

test('tensors are indexed on their device; subsets and splits choose rows', async () => {
  const x = tensor([
    [0, 1],
    [2, 3],
    [4, 5],
  ]);
  const y = tensor(new Int32Array([0, 1, 2]));
  const before = liveBytes();
  const tensors: data.Dataset<readonly [Tensor, Tensor]> = new data.TensorDataset([x, y]);
  const labels: number[][] = [];
  for await (const [a, b] of new data.DataLoader(data.subset(tensors, [2, 0]), { batchSize: 2, device: 'cpu' })) {
    assert.deepEqual([...elements(a)], [4, 5, 0, 1]);
    labels.push([...elements(b)]);
    a.dispose();
    b.dispose();
  }
  assert.deepEqual(labels, [[2, 0]]);
  assert.equal(liveBytes(), before);
  rejects(() => data.subset(tensors, [3]), 'ERR_ARGUMENT', /\[0, 3\), got 3/);

  const classes = Array.from({ length: 100 }, (_, i) => (i < 70 ? 0 : 1));
  const split = data.stratifiedSplit(classes, { test: 20, validation: 10, seed: 1 });
  assert.equal([...split.test].filter((i) => classes[i] === 1).length, 6);
  assert.equal([...split.validation].filter((i) => classes[i] === 1).length, 3);
  const all = [...split.train, ...split.validation, ...split.test].sort((a, b) => a - b);
  assert.deepEqual(
    all,
    Array.from({ length: 100 }, (_, i) => i),
  );
  assert.deepEqual(data.stratifiedSplit(classes, { test: 20, validation: 10, seed: 1 }), split);
});

test('refuses bad sizes', () => {
  rejects(
    () => new data.DataLoader(numbers(3), { batchSize: 0 }),
    'ERR_ARGUMENT',
    /batchSize: wanted an integer ≥ 1, got 0/,
  );
  rejects(() => new data.DataLoader(numbers(3), { prefetch: 0.5 }), 'ERR_ARGUMENT', /prefetch/);
  const loader = new data.DataLoader(numbers(3));
  rejects(() => loader.restore({ ...loader.state, samples: 4 }), 'ERR_ARGUMENT', /samples was 4, here 3/);
  rejects(() => loader.restore({ ...loader.state, cursor: 9 }), 'ERR_ARGUMENT', /cursor ≤ 3/);
  rejects(
    () => new data.ArrayDataset([{ data: new Float32Array(5), shape: [2, 2] }]),
    'ERR_SHAPE',
    /wants 4 elements, got 5/,
  );
  const uneven = [
    { data: new Float32Array(2), shape: [2] },
    { data: new Float32Array(3), shape: [3] },
  ] as const;
  rejects(() => new data.ArrayDataset(uneven), 'ERR_SHAPE', /field 0 has 2, field 1 has 3/);
  rejects(() => data.stratifiedSplit([1, 2], { test: 2, validation: 1 }), 'ERR_ARGUMENT', /at most 2/);
});

test('Random is even, repeats by its words, and near seeds differ', () => {
  const random = new data.Random(1, 2);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 50_000; i++) counts[random.int(10)] = (counts[random.int(10)] ?? 0) + 1;
  assert.ok(
    counts.every((n) => n > 4500 && n < 5500),
    counts.join(),
  );
  const bits = (...words: number[]): number[] => {
    const r = new data.Random(...words);
    return [r.bits(), r.bits(), r.bits()];
  };
  assert.deepEqual(bits(1, 2), bits(1, 2));
  const starts = new Set(
    Array.from({ length: 1000 }, (_, i) => bits(i).join()).concat(
      Array.from({ length: 1000 }, (_, i) => bits(0, i).join()),
    ),
  );
  assert.equal(starts.size, 2000);
  assert.notDeepEqual(bits(2 ** 40), bits(2 ** 41));
});

test.run();
