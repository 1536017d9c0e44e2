import { crc32, deflateSync } from 'node:zlib';

/** A digit the model took for another. */
export interface Mistake {
  /** 28 × 28 grey bytes. */
  readonly pixels: Uint8Array;
  readonly label: number;
  readonly answer: number;
}

/** A curve over the steps of a run. */
export interface Curve {
  readonly name: string;
  readonly color: string;
  readonly points: readonly (readonly [step: number, value: number])[];
}

const side = 28;
const width = 880;
const plot = { left: 60, top: 56, width: 790, height: 260 };
const columns = 12;
const cell = 66;
const most = 36;

/** An SVG with the loss curves on top and the mistakes below. */
export function picture(title: string, curves: readonly Curve[], mistakes: readonly Mistake[]): string {
  const shown = mistakes.slice(0, most);
  const top = plot.top + plot.height + 80;
  const height = top + Math.ceil(shown.length / columns) * (cell + 20) + 20;
  const heading = `${mistakes.length} misclassified${mistakes.length > most ? `, the first ${most}` : ''} (label → answer)`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="13" fill="#222">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${plot.left}" y="32" font-size="18">${escapeXml(title)}</text>`,
    ...lossPlot(curves),
    `<text x="${plot.left}" y="${top - 16}" font-size="15">${heading}</text>`,
    ...shown.map((mistake, i) =>
      tile(mistake, plot.left + (i % columns) * cell, top + Math.floor(i / columns) * (cell + 20)),
    ),
    '</svg>\n',
  ].join('\n');
}

/** Values a logarithmic axis is marked with: 0.001, 0.002, 0.005, 0.01, … 1000. */
const marks = Array.from({ length: 19 }, (_, i) => [1, 2, 5][i % 3] as number).map(
  (factor, i) => factor * 10 ** (Math.floor(i / 3) - 3),
);

/** Curves over a logarithmic loss axis. */
function lossPlot(curves: readonly Curve[]): string[] {
  const all = curves.flatMap(({ points }) => points);
  const values = all.map(([, value]) => value).filter((value) => value > 0 && Number.isFinite(value));
  const lastStep = Math.max(1, ...all.map(([step]) => step));
  const low = marks.findLast((mark) => mark <= Math.min(1, ...values)) ?? 0.001;
  const high = marks.find((mark) => mark > low && mark >= Math.max(...values)) ?? 1000;
  const x = (step: number): string => (plot.left + (step / lastStep) * plot.width).toFixed(1);
  const y = (value: number): string => {
    const part = Math.log(high / Math.min(high, Math.max(low, value || high))) / Math.log(high / low);
    return (plot.top + part * plot.height).toFixed(1);
  };
  const lines: string[] = [];
  for (const mark of marks.filter((each) => each >= low && each <= high)) {
    const at = `y1="${y(mark)}" y2="${y(mark)}"`;
    lines.push(`<line x1="${plot.left}" x2="${plot.left + plot.width}" ${at} stroke="#ddd"/>`);
    const label = Number(mark.toPrecision(1));
    lines.push(
      `<text x="${plot.left - 8}" y="${y(mark)}" text-anchor="end" dominant-baseline="middle">${label}</text>`,
    );
  }
  const bottom = plot.top + plot.height;
  lines.push(`<text x="${plot.left}" y="${bottom + 20}">step 0</text>`);
  lines.push(`<text x="${plot.left + plot.width}" y="${bottom + 20}" text-anchor="end">${lastStep}</text>`);
  curves.forEach(({ name, color, points }, k) => {
    const path = points.map(([step, value]) => `${x(step)},${y(value)}`).join(' ');
    lines.push(`<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`);
    lines.push(
      `<text x="${plot.left + plot.width - 8}" y="${plot.top + 20 + 18 * k}" text-anchor="end" fill="${color}">${escapeXml(name)}</text>`,
    );
  });
  return lines;
}

function tile({ pixels, label, answer }: Mistake, x: number, y: number): string {
  const image = `data:image/png;base64,${png(pixels).toString('base64')}`;
  const size = cell - 8;
  return (
    `<image x="${x}" y="${y}" width="${size}" height="${size}" href="${image}" image-rendering="pixelated"/>` +
    `<text x="${x + size / 2}" y="${y + size + 15}" text-anchor="middle">${label} → ${answer}</text>`
  );
}

/** One grey image as a PNG file, dark on white. */
function png(pixels: Uint8Array): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 8; // bits; colour type 0 is grey
  const rows = Buffer.alloc(side * (side + 1)); // each row begins with its filter, 0
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      rows[row * (side + 1) + 1 + column] = 255 - (pixels[row * side + column] ?? 0);
    }
  }
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(content.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}
