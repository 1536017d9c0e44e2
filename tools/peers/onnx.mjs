// ONNX Runtime on the CPU, each case a model of one node: node onnx.mjs THREADS. It infers only, so gradients and steps are not its.
import { model } from './onnx-model.mjs';
import { requireHere, serve } from './protocol.mjs';

const ort = requireHere('onnxruntime-node');
const threads = Number(process.argv[2]);

/** A call of the model with these shapes of inputs. */
async function call(op, inputs, attributes, more) {
  const session = await ort.InferenceSession.create(model(op, inputs, attributes, more), {
    intraOpNumThreads: threads,
    executionMode: 'sequential',
  });
  const feeds = Object.fromEntries(
    inputs.map((shape, i) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const values = Float32Array.from({ length: size }, () => 1 + Math.random());
      return [session.inputNames[i], new ort.Tensor('float32', values, shape)];
    }),
  );
  return () => session.run(feeds);
}

function elementwise({ op, n, rows, columns, backward }) {
  if (op === 'bias') return call('Add', [[rows, columns], [columns]]);
  const names = { relu: 'Relu', exp: 'Exp', log: 'Log', tanh: 'Tanh', sigmoid: 'Sigmoid', erf: 'Erf', gelu: 'Gelu' };
  if (backward) return null;
  if (op === 'add') return call('Add', [[n], [n]]);
  return op in names ? call(names[op], [[n]]) : null;
}

function reduce({ op, rows, columns, axis }) {
  const shape = [rows, columns];
  if (op === 'argmax') return axis === 'all' ? null : call('ArgMax', [shape], { axis, keepdims: 0 }, { indices: true });
  const name = { sum: 'ReduceSum', mean: 'ReduceMean', max: 'ReduceMax' }[op];
  if (!name) return null;
  return call(name, [shape], { keepdims: 0 }, { axes: axis === 'all' ? [0, 1] : [axis] });
}

function softmax({ op, rows, columns, backward }) {
  const name = { softmax: 'Softmax', logSoftmax: 'LogSoftmax' }[op];
  return !name || backward ? null : call(name, [[rows, columns]], { axis: -1 });
}

function norm({ op, backward, rows, columns }) {
  if (op !== 'layerNorm' || backward) return null;
  return call('LayerNormalization', [[rows, columns], [columns], [columns]], { axis: -1, epsilon: { float: 1e-5 } });
}

function matmul({ form, batch, m, n, k }) {
  if (batch > 1) {
    if (form !== 'NN') return null;
    return call('MatMul', [
      [batch, m, k],
      [batch, k, n],
    ]);
  }
  const [transA, transB] = [form[0] === 'T' ? 1 : 0, form[1] === 'T' ? 1 : 0];
  return call('Gemm', [transA ? [k, m] : [m, k], transB ? [n, k] : [k, n]], { transA, transB });
}

function conv({ pass, batch, ci, co, kernel, stride, padding, side, groups }) {
  if (pass !== 'forward') return null;
  const inputs = [
    [batch, ci, side, side],
    [co, ci / groups, kernel, kernel],
  ];
  return call('Conv', inputs, { group: groups, pads: Array(4).fill(padding), strides: [stride, stride] });
}

function pool({ op, kernel, stride, padding, batch, channels, side, backward }) {
  if (backward) return null;
  const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: Array(4).fill(padding) };
  return call(op === 'max' ? 'MaxPool' : 'AveragePool', [[batch, channels, side, side]], attributes);
}

function move({ op, rows, columns, order, a, b, c, d, count }) {
  if (op === 'cat') return call('Concat', Array(count).fill([rows, columns]), { axis: 1 });
  if (op === 'transpose') return call('Transpose', [[rows, columns]], { perm: [1, 0] });
  return op === 'permute' ? call('Transpose', [[a, b, c, d]], { perm: [...order].map(Number) }) : null;
}

await serve(ort.env.versions.node, { elementwise, reduce, softmax, norm, matmul, conv, pool, move });
