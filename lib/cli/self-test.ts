// What `warpgrad doctor` computes on every device, in a process of its own: a product and its gradient that are known, then products
// for a quarter of a second. Prints JSON.
import { device, devices, Generator, matmul, randn, scope } from '../index.ts';

export interface SelfTest {
  readonly device: string;
  /** Empty when all was right. */
  readonly complaint: string;
  readonly gflops: number;
}

const size = 96;
const tolerance = 1e-4; // a sum of 96 products of numbers around 1, in float32

async function wrong(name: string): Promise<string> {
  const generator = new Generator(1);
  const a = randn([size, size], { generator, device: name, requiresGrad: true });
  const b = randn([size, size], { generator, device: name });
  const y = matmul(a, b);
  y.sum().backward();
  const [x, w, got, gradient] = await Promise.all([a, b, y, a.grad].map((t) => t?.data() as Promise<Float32Array>));
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let sum = 0;
      let rowSum = 0;
      for (let k = 0; k < size; k++) {
        sum += (x?.[i * size + k] ?? Number.NaN) * (w?.[k * size + j] ?? Number.NaN);
        rowSum += w?.[j * size + k] ?? Number.NaN; // the gradient of a[i][j] is the sum of row j of b
      }
      const at = i * size + j;
      if (!(Math.abs((got?.[at] ?? Number.NaN) - sum) < tolerance)) return `a product is ${got?.[at]}, not ${sum}`;
      if (!(Math.abs((gradient?.[at] ?? Number.NaN) - rowSum) < tolerance))
        return `a gradient is ${gradient?.[at]}, not ${rowSum}`;
    }
  }
  return '';
}

function speed(name: string): number {
  const n = 512;
  const x = randn([n, n], { device: name });
  const start = performance.now();
  let products = 0;
  do {
    scope(() => void matmul(x, x));
    device(name).synchronizeSync();
    products += 1;
  } while (performance.now() - start < 250);
  return (products * 2 * n ** 3) / (performance.now() - start) / 1e6;
}

const results: SelfTest[] = [];
for (const { device: name } of devices()) {
  try {
    const complaint = await wrong(name);
    results.push({ device: name, complaint, gflops: complaint === '' ? speed(name) : 0 });
  } catch (error) {
    results.push({ device: name, complaint: error instanceof Error ? error.message : String(error), gflops: 0 });
  }
}
console.log(JSON.stringify(results));
