import type { data } from 'warpgrad';

const side = 28;
const pixels = side * side;
const middle = (side - 1) / 2;

// Mean and standard deviation of MNIST's pixels.
const mean = 0.1307;
const deviation = 0.3081;
const scale = 1 / (255 * deviation);
const black = -mean / deviation;

type Images = data.HostArray<Uint8Array>;
type Labels = data.HostArray<Int32Array>;

/** Bytes to float32 with mean 0 and variance 1. */
export function normalize([images, labels]: readonly [Images, Labels]): readonly [data.HostArray, data.HostArray] {
  const out = new Float32Array(images.data.length);
  for (let i = 0; i < out.length; i++) out[i] = (images.data[i] as number) * scale + black;
  return [{ data: out, shape: images.shape }, labels];
}

/** `normalize` after turning, shearing, resizing and shifting each image a little: more digits than there are. */
export function distort(
  [images, labels]: readonly [Images, Labels],
  random: data.Random,
): readonly [data.HostArray, data.HostArray] {
  const out = new Float32Array(images.data.length);
  for (let start = 0; start < out.length; start += pixels) {
    const angle = random.uniform(-0.2, 0.2);
    const size = random.uniform(0.9, 1.1);
    const cos = Math.cos(angle) * size;
    const sin = Math.sin(angle) * size;
    const shear = random.uniform(-0.2, 0.2) - sin;
    warp(images.data, out, start, cos, shear, sin, random.uniform(-2, 2), random.uniform(-2, 2));
  }
  return [{ data: out, shape: images.shape }, labels];
}

/** Fills one image by reading the source at an affine map of each pixel, linearly between its four neighbours. */
function warp(
  source: Uint8Array,
  out: Float32Array,
  start: number,
  xx: number,
  xy: number,
  yx: number,
  shiftX: number,
  shiftY: number,
): void {
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const x = xx * (column - middle) + xy * (row - middle) + shiftX + middle;
      const y = yx * (column - middle) + xx * (row - middle) + shiftY + middle;
      const left = Math.floor(x);
      const top = Math.floor(y);
      let value = 0;
      // Outside of the image, borders included, it is black.
      if (left >= 0 && top >= 0 && left < side - 1 && top < side - 1) {
        const at = start + top * side + left;
        const right = x - left;
        const below = y - top;
        const upper = (source[at] as number) * (1 - right) + (source[at + 1] as number) * right;
        const lower = (source[at + side] as number) * (1 - right) + (source[at + side + 1] as number) * right;
        value = upper * (1 - below) + lower * below;
      }
      out[start + row * side + column] = value * scale + black;
    }
  }
}
