// Products are cut into tall or wide register tiles by the machine's cores (native/cpu/wide_tiles.h): both give the same bits, and
// the test of matmul's values runs on only one of them.
import { strict as assert } from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'uvu';
import { packageRoot } from '../support/package-root.ts';

const program = `
  import { createHash } from 'node:crypto';
  import { arange, linear, manualSeed, matmul, randn, transpose } from './dist/index.js';
  manualSeed(3);
  const hash = createHash('sha256');
  const bytes = async (t) => new Uint8Array((await t.data()).slice().buffer);
  const shapes = [
    [1, 1, 1], [7, 33, 5], [15, 64, 65], [20, 96, 600], [60, 2048, 40], [64, 1024, 130], [130, 1024, 300], [150, 257, 520],
    [260, 1024, 1030], [128, 31, 64], [3, 4096, 64], [130, 256, 300], [128, 512, 200], [1024, 384, 128],
    [300, 640, 37], [263, 1024, 1024], [7, 130, 150], [12, 200, 300], [23, 576, 1100], [390, 200, 600], [700, 65, 145], [40, 130, 0],
  ];
  for (const dtype of ['float32', 'float64'])
    for (const [m, n, k] of shapes) {
      const [a, b] = [randn([m, k], { dtype }), randn([k, n], { dtype })];
      const [at, bt] = [randn([k, m], { dtype }), randn([n, k], { dtype })];
      for (const product of [matmul(a, b), matmul(transpose(at, 0, 1), b), linear(a, bt, arange(n, { dtype })), linear(a, transpose(b, 0, 1), arange(n, { dtype }))]) hash.update(await bytes(product));
    }
  console.log(hash.digest('hex'));
`;

test('products have the same bits in tall and in wide tiles', () => {
  const run = (tiles: string): string =>
    execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: packageRoot(import.meta.url),
      env: { ...process.env, WARPGRAD_TILES: tiles },
      encoding: 'utf8',
    });
  const tall = run('tall');
  assert.match(tall, /^[0-9a-f]{64}$/m);
  assert.equal(run('wide'), tall);
});

test('a variable that cannot be honoured is an error that says so', () => {
  for (const [name, value] of [
    ['WARPGRAD_TILES', 'round'],
    ['WARPGRAD_ISA', 'mmx'],
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, ['--eval', "require('./dist/index.js')"], {
      cwd: packageRoot(import.meta.url),
      env: { ...process.env, [name]: value },
      encoding: 'utf8',
    });
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`${name}=${value} is `));
    assert.match(stderr, /ERR_NATIVE_LOAD/);
  }
});

test.run();
