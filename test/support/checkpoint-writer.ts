// Saves checkpoints one after the other until it is killed, or until it has saved as many as it was asked for.
// argv: folder, first number, count. Prints each number once it is saved, or the code of the error that stopped it.
import { train, WarpgradError } from '../../lib/index.ts';

const [, , folder = '', first = '1', count = 'Infinity'] = process.argv;
const store = new train.CheckpointFolder(folder, { keep: 2 });
const values = new Float32Array(300_000);

async function main(): Promise<void> {
  for (let i = Number(first); i < Number(first) + Number(count); i++) {
    values.fill(i);
    await store.save(new Map([['w', { dtype: 'float32', shape: [values.length], data: values }]]), { i });
    process.stdout.write(`${i}\n`);
  }
}

main().catch((error: unknown) => {
  process.stdout.write(`${error instanceof WarpgradError ? error.code : String(error)}\n`);
  process.exitCode = 2;
});
