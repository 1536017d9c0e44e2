import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { argumentError, formatError, WarpgradError } from '../errors.ts';
import { syncFolder, temporaryName, writeSynced } from '../io/atomic.ts';
import { encodeChunks, type HostTensor, parseSafetensors } from '../io/safetensors.ts';
import { checkOptions, checkPath, formatValue } from '../core/values.ts';

const tensorFile = 'tensors.safetensors';
const numberFile = 'checkpoint.json';
const version = 1;

/** Numbers and texts of a checkpoint: anything JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A checkpoint as it was found on the disk. */
export interface Checkpoint {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly body: unknown;
}

/**
 * Numbered checkpoints in one folder, each a folder of its own with a safetensors and a JSON file. A checkpoint appears whole
 * by one rename, after its bytes are on the disk; checksums tell a damaged one, and the newest sound one counts.
 */
export class CheckpointFolder {
  readonly folder: string;
  readonly #keep: number;

  constructor(folder: string, options: { readonly keep?: number } = {}) {
    checkPath('CheckpointFolder', folder);
    checkOptions('CheckpointFolder', options);
    const { keep = 3 } = options;
    if (!Number.isSafeInteger(keep) || keep < 1)
      throw argumentError('CheckpointFolder', `keep: wanted an integer ≥ 1, got ${formatValue(keep)}`);
    this.folder = folder;
    this.#keep = keep;
  }

  /** Writes the next checkpoint, then removes all but the newest `keep`. */
  async save(tensors: ReadonlyMap<string, HostTensor>, body: Json): Promise<string> {
    try {
      await mkdir(this.folder, { recursive: true });
      const generation = ((await this.#generations()).at(-1) ?? 0) + 1;
      const path = this.#path(generation);
      await this.#write(path, tensors, body);
      await this.#clean();
      return path;
    } catch (cause) {
      throw new WarpgradError('ERR_IO', `CheckpointFolder: cannot save to ${this.folder}: ${String(cause)}`, { cause });
    }
  }

  /** The newest checkpoint whose checksums are right; null when there is none. */
  async latest(): Promise<Checkpoint | null> {
    for (const generation of (await this.#generations()).reverse()) {
      const path = this.#path(generation);
      try {
        return await readCheckpoint(path);
      } catch {
        // Damaged, or removed by its owner just now: the one before it counts.
      }
    }
    return null;
  }

  async #write(path: string, tensors: ReadonlyMap<string, HostTensor>, body: Json): Promise<void> {
    const temporary = temporaryName(path);
    try {
      await mkdir(temporary);
      const chunks = encodeChunks(tensors, new Map());
      await writeSynced(join(temporary, tensorFile), chunks);
      const text = JSON.stringify({ version, tensors: digest(chunks), body });
      const sealed = JSON.stringify({ sha256: digest([Buffer.from(text)]), content: text });
      await writeSynced(join(temporary, numberFile), [Buffer.from(sealed)]);
      await syncFolder(temporary);
      await rename(temporary, path);
      await syncFolder(this.folder);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true }).catch(() => {}); // the first failure is the one to report
      throw error;
    }
  }

  /** Removes old checkpoints and what killed writers left. A checkpoint loses its name before it loses its files. */
  async #clean(): Promise<void> {
    for (const generation of (await this.#generations()).slice(0, -this.#keep)) {
      await rename(this.#path(generation), temporaryName(this.#path(generation)));
    }
    for (const name of await readdir(this.folder)) {
      if (/^\.checkpoint-\d+\..*\.tmp$/.test(name)) await rm(join(this.folder, name), { recursive: true, force: true });
    }
  }

  #path(generation: number): string {
    return join(this.folder, `checkpoint-${String(generation).padStart(6, '0')}`);
  }

  /** Numbers of the checkpoints present, oldest first. */
  async #generations(): Promise<number[]> {
    const names = await readdir(this.folder).catch(() => []);
    return names
      .flatMap((name) => (/^checkpoint-\d{6,}$/.test(name) ? [Number(name.slice('checkpoint-'.length))] : []))
      .sort((a, b) => a - b);
  }
}

/**
 * Reads one checkpoint and holds it to its checksums.
 * @throws ERR_FORMAT when a file is missing, torn or changed.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  checkPath('readCheckpoint', path);
  const sealed = await readJson(join(path, numberFile));
  const content = member(sealed, 'content');
  if (typeof content !== 'string' || member(sealed, 'sha256') !== digest([Buffer.from(content)])) {
    throw formatError('readCheckpoint', `${path}: ${numberFile} does not fit its checksum`);
  }
  const parsed: unknown = JSON.parse(content);
  if (member(parsed, 'version') !== version) {
    throw formatError('readCheckpoint', `${path}: wanted version ${version}, got ${String(member(parsed, 'version'))}`);
  }
  const bytes = await readFile(join(path, tensorFile)).catch((cause: unknown) => {
    throw formatError('readCheckpoint', `${path}: cannot read ${tensorFile}`, cause);
  });
  if (digest([bytes]) !== member(parsed, 'tensors')) {
    throw formatError('readCheckpoint', `${path}: ${tensorFile} does not fit its checksum`);
  }
  return { path, tensors: parseSafetensors(bytes).tensors, body: member(parsed, 'body') };
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw formatError('readCheckpoint', `${path} is missing or not JSON`, cause);
  }
}

/** A property of a parsed value, without trusting that it is an object. */
export function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

function digest(chunks: readonly Uint8Array[]): string {
  // Loaded at its first use: it would be a fifteenth of what importing warpgrad costs.
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}
