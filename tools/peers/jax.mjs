// jax-js on its WebAssembly backend (its others are of browsers), each case one compiled function: node jax.mjs.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { requireHere, serve } from './protocol.mjs';

const jax = requireHere('@jax-js/jax');

const { nn, numpy: np, random } = jax;
await jax.init('wasm');
jax.defaultDevice('wasm');

let seed = 0;
const randn = (...shape) => random.normal(random.key(seed++), shape);

/** An array is consumed by what it is given to; `ref` keeps it for the next call. */
const call = (f, ...inputs) => {
  const compiled = jax.jit(f);
  return async () => {
    const y = compiled(...inputs.map((x) => x.ref));
    await y.blockUntilReady();
    y.dispose();
  };
};

function elementwise({ op, n, rows, columns, backward }) {
  const unary = { relu: nn.relu, exp: np.exp, tanh: np.tanh, sigmoid: nn.sigmoid, gelu: nn.gelu, silu: nn.silu };
  if (op === 'bias') return call((x, b) => x.add(b), randn(rows, columns), randn(columns));
  if (backward) return null;
  if (op === 'add') return call((x, y) => x.add(y), randn(n), randn(n));
  return op in unary ? call((x) => unary[op](x), randn(n)) : null;
}

function softmax({ op, rows, columns, backward }) {
  const f = { softmax: nn.softmax, logSoftmax: nn.logSoftmax }[op];
  return !f || backward ? null : call((x) => f(x, -1), randn(rows, columns));
}

function matmul({ form, batch, m, n, k }) {
  if (form !== 'NN' || batch > 1) return null;
  return call((a, b) => np.dot(a, b), randn(m, k), randn(k, n));
}

/** Adam by hand, so that the step is one compiled function. */
function step({ model, side, batch, classes }) {
  const widths = { mlp: [side * side, 512, 256, classes], xor: [2, 8, classes] }[model];
  if (!widths) return null;
  const activate = model === 'mlp' ? nn.relu : np.tanh;
  const x = randn(batch, widths[0]);
  const labels = np.array(Array.from({ length: batch }, (_, i) => widths && one(i % classes, classes)));
  const forward = (p, input) => {
    const last = p.length - 2;
    let h = input;
    for (let i = 0; i < p.length; i += 2) {
      h = np.dot(h, p[i]).add(p[i + 1]);
      if (i < last) h = activate(h);
    }
    return h;
  };
  const loss = (p, input, target) =>
    nn
      .logSoftmax(forward(p, input), 1)
      .mul(target)
      .sum()
      .mul(-1 / batch);
  const [b1, b2] = [0.9, 0.999];
  const update = jax.jit((p, m, v, input, target) => {
    const [value, g] = jax.valueAndGrad(loss)(
      p.map((each) => each.ref),
      input,
      target,
    );
    const m2 = m.map((each, i) => each.mul(b1).add(g[i].ref.mul(1 - b1)));
    const v2 = v.map((each, i) => each.mul(b2).add(g[i].ref.mul(g[i].mul(1 - b2))));
    const p2 = p.map((each, i) => each.sub(m2[i].ref.div(np.sqrt(v2[i].ref).add(1e-8)).mul(1e-3)));
    return [value, p2, m2, v2];
  });
  let p = [];
  for (let i = 1; i < widths.length; i++) {
    p.push(randn(widths[i - 1], widths[i]).mul(0.05), np.zeros([widths[i]]));
  }
  let [m, v] = [p.map((each) => np.zeros(each.shape)), p.map((each) => np.zeros(each.shape))];
  return async () => {
    let value;
    [value, p, m, v] = update(p, m, v, x.ref, labels.ref);
    await value.data();
  };
}
const one = (at, length) => Array.from({ length }, (_, i) => Number(i === at));

// Its package.json is not exported.
const about = readFileSync(join(dirname(requireHere.resolve('@jax-js/jax')), '../package.json'), 'utf8');
await serve(JSON.parse(about).version, { elementwise, softmax, matmul, step });
