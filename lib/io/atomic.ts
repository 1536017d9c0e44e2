import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { WarpgradError } from '../errors.ts';
import { checkIterable, checkPath } from '../core/values.ts';

let made = 0;

/** A name that no other writer of this machine uses now; it begins with a dot, so that listings pass it over. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}-${made++}.tmp`);
}

/**
 * Writes a file whole or not at all: bytes go to a temporary file in the same folder, reach the disk, and only then take
 * the name. A crash or a full disk at any moment leaves the old file, or none.
 * @throws ERR_IO
 */
export async function writeAtomic(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  checkPath('writeAtomic', path);
  checkIterable('writeAtomic', 'chunks', chunks);
  const temporary = temporaryName(path);
  try {
    await writeSynced(temporary, chunks);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to report
    throw new WarpgradError('ERR_IO', `writeAtomic: cannot write ${path}: ${String(cause)}`, { cause });
  }
}

/** Writes a new file and waits until it is on the disk. */
export async function writeSynced(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for (const chunk of chunks) await writeAll(file, chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** One write call may take a part only. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.length - done, 2 ** 30));
    done += bytesWritten;
  }
}

/** Makes renames in `folder` survive a power loss; not every system can open a folder. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
