import { execFileSync } from 'node:child_process';

/** The commit that is measured, with a `+` when files differ from it; null outside a clone. */
export function commit(): string | null {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8', stdio: 'pipe' }).trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '+');
  } catch {
    return null;
  }
}
