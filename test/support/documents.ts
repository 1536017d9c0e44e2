// What can be checked of a Markdown document without rendering it: its fenced blocks, its links, and the files it names.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export interface Fence {
  readonly file: string;
  readonly line: number;
  readonly language: string;
  /** What stands in brackets behind the language. */
  readonly label: string;
  readonly code: string;
}

/** The fenced blocks of a document, indented ones too. */
export function fencesOf(file: string, text: string): Fence[] {
  return [...text.matchAll(/^( *)```([a-z]*)(?: \[(.*)\])?.*\n([\s\S]*?)^\1```$/gm)].map((m) => ({
    file,
    line: text.slice(0, m.index).split('\n').length,
    language: m[2] ?? '',
    label: m[3] ?? '',
    code: m[4] ?? '',
  }));
}

const withoutCode = (text: string): string => text.replace(/^( *)```[\s\S]*?^\1```$/gm, '');

/** The anchors of a document's headings. */
export function anchorsOf(text: string): Set<string> {
  const headings = [...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((each) =>
      each
        .toLowerCase()
        .replace(/[^\p{L}\p{N} -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Links of a document to files or headings that do not exist. `root` is the repository's folder. */
export function brokenLinks(root: string, file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path = '', anchor = ''] = link.split('#');
    const target = path === '' ? file : normalize(join(dirname(file), path));
    if (!existsSync(join(root, target))) return true;
    return anchor !== '' && !anchorsOf(readFileSync(join(root, target), 'utf8')).has(anchor);
  });
}

/** Paths of the repository that a document names between backticks, and that do not exist. */
export function missingFiles(root: string, text: string): string[] {
  const named = [...withoutCode(text).matchAll(/`((?:lib|native|test|bench|examples|tools|docs)\/[\w./-]*)`/g)];
  return named.map(([, path = '']) => path).filter((path) => !existsSync(join(root, path)));
}
