// npm run bench -- NAME [arguments]: one case by name, or the list of them. Each prints JSON lines.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cases = join(dirname(fileURLToPath(import.meta.url)), 'cases');
const names = readdirSync(cases)
  .filter((file) => file.endsWith('.js'))
  .map((file) => file.slice(0, -3));
const [name = '', ...args] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`npm run bench -- NAME, one of: ${names.join(', ')}`);
  process.exit(1);
}
const { run } = (await import(join(cases, `${name}.js`))) as { run(args: string[]): Promise<void> };
await run(args);
