// TensorFlow.js on its WebAssembly backend, the fastest it has in Node without tfjs-node: node tfjs.mjs THREADS.
import { requireHere, serve } from './protocol.mjs';

const tf = requireHere('@tensorflow/tfjs');
const wasm = requireHere('@tensorflow/tfjs-backend-wasm');

const threads = Number(process.argv[2]);
if (threads > 1) wasm.setThreadsCount(threads);
tf.enableProdMode();
await tf.setBackend('wasm');
await tf.ready();

/** Results are freed, as ours are. */
const call = (f) => () => tf.tidy(() => void f());
const randn = (...shape) => tf.randomNormal(shape);
const labelsOf = (n, k) => tf.tidy(() => tf.oneHot(tf.randomUniform([n], 0, k, 'int32'), k).toFloat());

function elementwise({ op, n, rows, columns, backward }) {
  if (op === 'bias') {
    const [x, b] = [randn(rows, columns), randn(columns)];
    return call(() => tf.add(x, b));
  }
  if (backward || !(op in tf)) return null;
  const x = op === 'log' ? randn(n).exp() : randn(n);
  if (op === 'add') {
    const y = randn(n);
    return call(() => tf.add(x, y));
  }
  return call(() => tf[op](x));
}

function reduce({ op, rows, columns, axis }) {
  const f = { sum: tf.sum, mean: tf.mean, max: tf.max, argmax: tf.argMax }[op];
  if (!f || (op === 'argmax' && axis === 'all')) return null; // its argMax has an axis always
  const x = randn(rows, columns);
  return call(() => (axis === 'all' ? f(x) : f(x, axis)));
}

function softmax({ op, rows, columns, backward }) {
  const f = { softmax: tf.softmax, logSoftmax: tf.logSoftmax }[op];
  if (!f || backward) return null;
  const x = randn(rows, columns);
  return call(() => f(x));
}

function matmul({ form, batch, m, n, k }) {
  const [ta, tb] = [form[0] === 'T', form[1] === 'T'];
  const a = ta ? randn(batch, k, m) : randn(batch, m, k);
  const b = tb ? randn(batch, n, k) : randn(batch, k, n);
  return call(() => tf.matMul(a, b, ta, tb));
}

/** Channels last, the only layout its kernels have; gradients of filters have no kernel. */
function conv({ pass, batch, ci, co, kernel, stride, padding, side, groups }) {
  if (pass !== 'forward' || (groups > 1 && groups !== ci)) return null;
  const x = randn(batch, side, side, ci);
  if (groups === 1) {
    const w = randn(kernel, kernel, ci, co);
    return call(() => tf.conv2d(x, w, stride, padding, 'NHWC', 1, 'floor'));
  }
  const w = randn(kernel, kernel, ci, co / ci);
  return call(() => tf.depthwiseConv2d(x, w, stride, padding));
}

function pool({ op, kernel, stride, padding, batch, channels, side, backward }) {
  if (backward) return null;
  const x = randn(batch, side, side, channels);
  return call(() => (op === 'max' ? tf.maxPool : tf.avgPool)(x, kernel, stride, padding, 'floor'));
}

function move({ op, rows, columns, order, a, b, c, d, count }) {
  if (op === 'cat') {
    const parts = Array.from({ length: count }, () => randn(rows, columns));
    return call(() => tf.concat(parts, 1));
  }
  if (op !== 'transpose' && op !== 'permute') return null;
  const x = op === 'transpose' ? randn(rows, columns) : randn(a, b, c, d);
  return call(() => tf.transpose(x, op === 'transpose' ? [1, 0] : [...order].map(Number)));
}

/** Parameters, each a variable that the optimizer trains. */
function parameters() {
  const all = [];
  const make = (value) => {
    const v = tf.variable(value);
    all.push(v);
    return v;
  };
  return {
    all,
    weight: (...shape) => make(tf.randomNormal(shape, 0, 0.05)),
    zeros: (n) => make(tf.zeros([n])),
    ones: (n) => make(tf.ones([n])),
  };
}

const models = {
  mlp(p, { side, batch, classes }) {
    const widths = [side * side, 512, 256, classes];
    const layers = [0, 1, 2].map((i) => [p.weight(widths[i], widths[i + 1]), p.zeros(widths[i + 1])]);
    const x = randn(batch, widths[0]);
    return () =>
      layers.reduce((h, [w, b], i) => {
        const z = tf.add(tf.matMul(h, w), b);
        return i < 2 ? tf.relu(z) : z;
      }, x);
  },

  xor(p, { batch, classes }) {
    const [w1, b1, w2, b2] = [p.weight(2, 8), p.zeros(8), p.weight(8, classes), p.zeros(classes)];
    const x = randn(batch, 2);
    return () => tf.add(tf.matMul(tf.tanh(tf.add(tf.matMul(x, w1), b1)), w2), b2);
  },

  lstm(p, { batch, length, width, classes }) {
    const [wx, wh, b] = [p.weight(width, 4 * width), p.weight(width, 4 * width), p.zeros(4 * width)];
    const [wo, bo] = [p.weight(width, classes), p.zeros(classes)];
    const x = randn(length * batch, width);
    return () => {
      const inputs = tf.split(tf.add(tf.matMul(x, wx), b), length, 0);
      let [h, c] = [tf.zeros([batch, width]), tf.zeros([batch, width])];
      for (const input of inputs) {
        const [i, f, g, o] = tf.split(tf.add(input, tf.matMul(h, wh)), 4, 1);
        c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
        h = tf.mul(tf.sigmoid(o), tf.tanh(c));
      }
      return tf.add(tf.matMul(h, wo), bo);
    };
  },

  /** Embeddings are products with one-hot rows: a gather has no gradient on this backend. */
  gpt(p, { batch, length, width, heads, layers, classes }) {
    const rows = batch * length;
    const ids = labelsOf(rows, classes);
    const hidden = tf.tidy(() => tf.mul(tf.sub(tf.linalg.bandPart(tf.ones([length, length]), -1, 0), 1), 1e9));
    const [tokens, places, head] = [p.weight(classes, width), p.weight(length, width), p.weight(width, classes)];
    const normOf = () => [p.ones(width), p.zeros(width)];
    const blocks = Array.from({ length: layers }, () => ({
      norms: [normOf(), normOf()],
      qkv: [p.weight(width, 3 * width), p.zeros(3 * width)],
      out: [p.weight(width, width), p.zeros(width)],
      up: [p.weight(width, 4 * width), p.zeros(4 * width)],
      down: [p.weight(4 * width, width), p.zeros(width)],
    }));
    const last = normOf();
    const norm = (x, [gain, shift]) => {
      const { mean, variance } = tf.moments(x, -1, true);
      return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), gain), shift);
    };
    const linear = (x, [w, b]) => tf.add(tf.matMul(x, w), b);
    const gelu = (x) => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))));
    const apart = (x) => tf.transpose(tf.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
    const attend = (x, block) => {
      const [q, k, v] = tf.split(linear(x, block.qkv), 3, -1).map(apart);
      const scores = tf.mul(tf.matMul(q, k, false, true), (width / heads) ** -0.5);
      const mixed = tf.matMul(tf.softmax(tf.add(scores, hidden)), v);
      return linear(tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [rows, width]), block.out);
    };
    return () => {
      const seen = tf.add(tf.reshape(tf.matMul(ids, tokens), [batch, length, width]), places);
      let x = tf.reshape(seen, [rows, width]);
      for (const block of blocks) {
        x = tf.add(x, attend(norm(x, block.norms[0]), block));
        x = tf.add(x, linear(gelu(linear(norm(x, block.norms[1]), block.up)), block.down));
      }
      return tf.matMul(norm(x, last), head);
    };
  },
};

function step({ model, ...sizes }) {
  if (!(model in models)) return null; // convolutions' gradients have no kernel
  const p = parameters();
  const forward = models[model](p, sizes);
  const labels = labelsOf(sizes.batch * (model === 'gpt' ? sizes.length : 1), sizes.classes);
  const adam = tf.train.adam(1e-3);
  return () => adam.minimize(() => tf.losses.softmaxCrossEntropy(labels, forward()), false, p.all);
}

await serve(tf.version['tfjs-core'], { elementwise, reduce, softmax, matmul, conv, pool, move, step });
