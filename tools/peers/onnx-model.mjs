// The bytes of an ONNX model of one node, as its format (onnx.proto, protocol buffers) lays them out.

/** @param {number} value @returns {number[]} */
function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return bytes;
}

/** A field: numbers as they are, texts and messages with their length. @param {number} number @param {number | string | number[]} value @returns {number[]} */
function field(number, value) {
  if (typeof value === 'number') return [...varint(number << 3), ...varint(value)];
  const bytes = typeof value === 'string' ? [...Buffer.from(value)] : value;
  return [...varint((number << 3) | 2), ...varint(bytes.length), ...bytes];
}

const float32 = 1;
const int64 = 7;
const [kindFloat, kindInt, kindInts] = [1, 2, 7];

/** @param {string} name @param {number} type @param {readonly number[] | null} shape */
function valueInfo(name, type, shape) {
  const dims = (shape ?? []).flatMap((size) => field(1, field(1, size)));
  const tensor = [...field(1, type), ...(shape === null ? [] : field(2, dims))];
  return [...field(1, name), ...field(2, field(1, tensor))];
}

/** @param {string} name @param {number | readonly number[] | { float: number }} value */
function attribute(name, value) {
  if (typeof value === 'number') return [...field(1, name), ...field(3, value), ...field(20, kindInt)];
  if ('float' in value) {
    const bytes = [...new Uint8Array(Float32Array.of(value.float).buffer)];
    return [...field(1, name), (2 << 3) | 5, ...bytes, ...field(20, kindFloat)];
  }
  return [...field(1, name), ...value.flatMap((each) => field(8, each)), ...field(20, kindInts)];
}

/**
 * @param {string} op
 * @param {readonly (readonly number[])[]} inputs shapes of float32 tensors, which are called a, b, c …
 * @param {Record<string, number | readonly number[] | { float: number }>} [attributes]
 * @param {{ axes?: readonly number[], indices?: boolean }} [more] axes as a constant behind the inputs; a result of int64
 */
export function model(op, inputs, attributes = {}, { axes, indices = false } = {}) {
  const names = inputs.map((_, i) => String.fromCharCode(97 + i));
  const constant = axes && [
    ...field(1, axes.length),
    ...field(2, int64),
    ...axes.flatMap((axis) => field(7, axis)),
    ...field(8, 'axes'),
  ];
  const node = [
    ...[...names, ...(axes ? ['axes'] : [])].flatMap((name) => field(1, name)),
    ...field(2, 'y'),
    ...field(4, op),
    ...Object.entries(attributes).flatMap(([name, value]) => field(5, attribute(name, value))),
  ];
  const graph = [
    ...field(1, node),
    ...field(2, 'one'),
    ...(constant ? field(5, constant) : []),
    ...inputs.flatMap((shape, i) => field(11, valueInfo(names[i] ?? '', float32, shape))),
    ...field(12, valueInfo('y', indices ? int64 : float32, null)),
  ];
  const [irVersion, opset] = [9, 20];
  return Uint8Array.from([...field(1, irVersion), ...field(7, graph), ...field(8, field(2, opset))]);
}
