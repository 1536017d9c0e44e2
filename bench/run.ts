// npm run bench -- [WORD…] [--threads 1] [--seconds 0.5] … is `warpgrad bench` (lib/bench/command.ts) of what was built just now;
// npm run bench -- PROBE runs one of bench/probes instead.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchCommand } from '../lib/bench/command.ts';

const here = dirname(fileURLToPath(import.meta.url));
const probes = join(here, 'probes');
const names = readdirSync(probes)
  .filter((file) => file.endsWith('.js'))
  .map((file) => file.slice(0, -3));

const args = process.argv.slice(2);
const [first = ''] = args;
if (names.includes(first)) {
  const { run } = (await import(join(probes, `${first}.js`))) as { run(args: string[]): Promise<void> };
  await run(args.slice(1));
} else {
  if (args.includes('--help')) console.log(`Probes: ${names.join(', ')}\n`);
  process.exitCode = await benchCommand(args, join(here, '../lib/cli/main.js'));
}
