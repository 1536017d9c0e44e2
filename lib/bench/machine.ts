// What a figure depends on besides the code.
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { devices } from '../index.ts';
import { packageRoot } from '../native/load.ts';

export function machine(): Record<string, unknown> {
  const list = cpus();
  return {
    cpu: list[0]?.model.trim(),
    cores: list.length,
    isa: devices()[0]?.architecture,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
}

export function print(row: Record<string, unknown>): void {
  console.log(JSON.stringify(row, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value)));
}

/** This package's. */
export function version(): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}
