// Errors belong to tensors: a failure spoils what depends on it and nothing else.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { add, device, noGrad, ones, optim, sum, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { faultyDevices, injectFault, testDevices } from '../support/devices.ts';
import { elements } from '../support/tensors.ts';

const length = 12;
const places = { first: 1, middle: 6, last: length } as const;
const bad = { code: 'ERR_INDEX' };

for (const where of testDevices) {
  /** A chain of `length` ops on [1, 1] whose k-th reads an index out of range. */
  const chain = (x: Tensor, k: number): Tensor[] => {
    const wrong = tensor([0, 7], { dtype: 'int32', device: where });
    const list: Tensor[] = [];
    for (let i = 1; i <= length; i++) {
      const before = list.at(-1) ?? x;
      list.push(i === k ? ops.index(before, wrong) : add(before, 1));
    }
    wrong.dispose();
    return list;
  };

  for (const [name, k] of Object.entries(places)) {
    test(`read: the ${name} op of ${length} fails on ${where}`, async () => {
      const x = ones([2], { device: where });
      const list = chain(x, k);
      for (const [i, t] of list.entries()) {
        if (i + 1 < k) assert.deepEqual([...(await t.data())], [i + 2, i + 2]);
        else await assert.rejects(t.data(), bad);
      }
      const good = add(x, 41);
      assert.deepEqual([...(await good.data())], [42, 42], 'independent ops run');
      for (const t of [...list, x, good]) t.dispose();
      await device(where).synchronize();
    });

    test(`in-place: the ${name} op of ${length} fails on ${where}`, async () => {
      const x = ones([2], { device: where });
      const list = chain(x, k);
      const target = tensor([5, 6], { device: where });
      ops.add_(target, list.at(-1) as Tensor);
      ops.mul_(target, 2);
      assert.deepEqual([...(await target.data())], [10, 12], 'the failed addend wrote nothing');
      for (const t of [...list, x, target]) t.dispose();
      await device(where)
        .synchronize()
        .catch(() => {});
    });

    test(`view: the ${name} op of ${length} fails on ${where}`, async () => {
      const x = ones([2], { device: where });
      const list = chain(x, k);
      const view = ops.select(list.at(-1) as Tensor, 0, 0);
      await assert.rejects(view.item(), bad);
      const whole = list.at(-1) as Tensor;
      ops.fill_(whole, 3);
      assert.equal(await view.item(), 3, 'overwriting every element heals the tensor');
      for (const t of [...list, x, view]) t.dispose();
      await device(where)
        .synchronize()
        .catch(() => {});
    });

    test(`backward: the ${name} op of ${length} fails on ${where}`, async () => {
      const x = ones([2], { device: where, requiresGrad: true });
      const w = ones([2], { device: where, requiresGrad: true });
      const list = chain(ops.mul(x, 2), k);
      sum(ops.mul(list.at(-1) as Tensor, w)).backward();
      await assert.rejects((x.grad as Tensor).data(), bad);
      await assert.rejects((w.grad as Tensor).data(), bad);
      const optimizer = new optim.SGD([x, w], { lr: 0.5, momentum: 0.9 });
      optimizer.step();
      assert.deepEqual(
        [...(await x.data()), ...(await w.data())],
        [1, 1, 1, 1],
        'parameters keep their last good values',
      );
      noGrad(() => ops.add_(x, 1));
      assert.deepEqual([...(await x.data())], [2, 2]);
      await device(where)
        .synchronize()
        .catch(() => {});
      optimizer.dispose();
    });
  }

  test(`a multi-tensor step is all or nothing on ${where}`, async () => {
    const a = ones([2], { device: where, requiresGrad: true });
    const b = ones([3], { device: where, requiresGrad: true });
    a.grad = tensor([1, 1], { device: where });
    b.grad = ops.index(ones([3], { device: where }), tensor([0, 1, 9], { dtype: 'int32', device: where }));
    for (const optimizer of [new optim.SGD([a, b], { lr: 1 }), new optim.AdamW([a, b], { lr: 1 })]) {
      optimizer.step();
      assert.deepEqual([...(await a.data()), ...(await b.data())], [1, 1, 1, 1, 1]);
      optimizer.dispose();
    }
    await device(where)
      .synchronize()
      .catch(() => {});
  });

  test(`synchronize rejects with what nobody saw, once, on ${where}`, async () => {
    const x = ones([2], { device: where });
    const wrong = tensor([5], { dtype: 'int32', device: where });
    const y = ops.index(x, wrong);
    await assert.rejects(device(where).synchronize(), bad);
    await device(where).synchronize();
    await assert.rejects(y.data(), bad, 'the tensor stays failed');
    await device(where).synchronize();
    const two = [ops.index(x, wrong), ops.index(x, wrong)];
    await assert.rejects(
      device(where).synchronize(),
      (error: Error & { code: string }) => error.code === 'ERR_INDEX' && /2 ops failed/.test(error.message),
    );
    assert.throws(() => y.dataSync(), bad);
    for (const t of [x, wrong, y, ...two]) t.dispose();
  });

  test(`the reader learns the op that failed and the op it asked for on ${where}`, async () => {
    const x = ones([2], { device: where });
    const y = ops.index(x, tensor([5], { dtype: 'int32', device: where }));
    const z = ops.exp(y);
    await assert.rejects(
      z.data(),
      (error: Error & { cause: Error }) =>
        /^exp: .*index/.test(error.message) && /^index: .*5/.test(error.cause.message),
    );
    for (const t of [x, y, z]) t.dispose();
  });
}

for (const where of faultyDevices) {
  test(`an injected failure in any op of a training step leaves the parameters as they were on ${where}`, async () => {
    const w = tensor([1, 2, 3], { device: where, requiresGrad: true });
    const optimizer = new optim.SGD([w], { lr: 0.1 });
    const step = (): void => {
      optimizer.zeroGrad();
      const loss = sum(ops.mul(ops.mul(w, w), 0.5));
      loss.backward();
      optimizer.step();
      loss.dispose();
    };
    step();
    await device(where).synchronize();
    let struck = 0;
    for (let n = 1; n < 40; n++) {
      const before = elements(w);
      const count = injectFault('injected', 0, where);
      injectFault('failOp', n, where);
      step();
      await device(where)
        .synchronize()
        .catch((error: { code: string }) => assert.equal(error.code, 'ERR_INJECTED'));
      injectFault('failOp', 0, where);
      if (injectFault('injected', 0, where) === count) break;
      struck++;
      const after = elements(w);
      const moved = before.map((v) => v - Math.fround(0.1) * v);
      assert.ok(
        after.every((v, i) => v === before[i]) || after.every((v, i) => Math.abs(v - (moved[i] as number)) < 1e-6),
        `op ${n}: parameters ${after} are neither before ${before} nor after the step`,
      );
    }
    assert.ok(struck >= 4, `only ${struck} ops failed`);
    optimizer.dispose();
  });
}

test('WARPGRAD_SYNC=1 names the line of the call', () => {
  const text = `
    import { index, ones, tensor } from ${JSON.stringify(new URL('../../lib/index.js', import.meta.url).href)};
    function culprit() { return index(ones([2]), tensor([9], { dtype: 'int32' })); }
    const y = culprit();
    await y.data().catch((error) => { console.log(error.code, String(error.cause?.stack ?? error.cause?.cause?.stack).includes('culprit')); });`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
    encoding: 'utf8',
    env: { ...process.env, WARPGRAD_SYNC: '1' },
  });
  assert.equal(child.stdout.trim(), 'ERR_INDEX true', child.stderr);
});

test('a failure nobody reads becomes one warning after a second, and never an uncaught error', () => {
  const text = `
    import { index, ones, tensor } from ${JSON.stringify(new URL('../../lib/index.js', import.meta.url).href)};
    let warnings = 0;
    process.on('warning', (w) => { if (w.code === 'ERR_INDEX') warnings++; });
    index(ones([2]), tensor([9], { dtype: 'int32' }));
    setTimeout(() => console.log(warnings), 1600);`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', text], { encoding: 'utf8' });
  assert.equal(child.stdout.trim(), '1', child.stderr);
});

test.run();
