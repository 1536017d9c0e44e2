// Tests run from .test/, so a file of the repository is found from the package's root rather than from the test.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export function packageRoot(url: string): string {
  for (let dir = dirname(fileURLToPath(url)); ; dir = dirname(dir)) {
    const manifest = join(dir, 'package.json');
    if (existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name === 'warpgrad')
      return dir;
    if (dir === dirname(dir)) throw new Error(`no package.json of warpgrad above ${url}`);
  }
}
