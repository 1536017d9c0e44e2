// Saves checkpoints one after the other until it is killed. argv: folder, first number. Prints each number once it is saved.
import { train } from '../../lib/index.ts';

const [, , folder = '', first = '1'] = process.argv;
const store = new train.CheckpointFolder(folder, { keep: 2 });
const values = new Float32Array(300_000);

async function main(): Promise<void> {
  for (let i = Number(first); ; i++) {
    values.fill(i);
    await store.save(new Map([['w', { dtype: 'float32', shape: [values.length], data: values }]]), { i });
    process.stdout.write(`${i}\n`);
  }
}

void main();
