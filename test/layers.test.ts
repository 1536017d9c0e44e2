// The layer rule of ARCHITECTURE.md, read off the imports of lib/ and the #includes of native/.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from './support/package-root.ts';

const root = packageRoot(import.meta.url);

function filesUnder(dir: string, extensions: readonly string[]): string[] {
  return readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })
    .filter((f) => extensions.some((e) => f.endsWith(e)))
    .map((f) => join(dir, f))
    .sort();
}

const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

/** Fails with every offence at once. */
function none(offences: readonly string[]): void {
  if (offences.length > 0) assert.unreachable(`\n${offences.join('\n')}`);
}

// ---- lib ------------------------------------------------------------------------------------------------------------

/** Folders (and files) of lib/ from the bottom up; those on one line do not import each other. */
const libLayers: readonly (readonly string[])[] = [
  ['errors'],
  ['native'],
  ['core'],
  ['autograd'],
  ['ops'],
  ['nn', 'optim', 'data', 'metrics', 'io'],
  ['train', 'tune', 'vision', 'text', 'audio', 'explain', 'quant', 'serve', 'dist'],
  ['dashboard'],
  ['index'],
  ['bench'], // a user of the package, like the commands
  ['cli'],
];

const layerOf = (file: string): string => normalize(file).split('/')[1]?.replace(/\.ts$/, '') ?? '';
const rank = (layer: string): number => libLayers.findIndex((names) => names.includes(layer));

interface Import {
  from: string;
  target: string;
}

function importsOf(file: string): Import[] {
  const text = withoutComments(read(file));
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+)'([^'\n]+)'/gm;
  return [...text.matchAll(pattern)].map((m) => {
    const target = m[1] ?? '';
    return { from: file, target: target.startsWith('.') ? join(dirname(file), target) : target };
  });
}

const imports = filesUnder('lib', ['.ts']).flatMap(importsOf);
const inside = imports.filter((i) => i.target.startsWith('lib/'));
const show = (i: Import): string => `${i.from} imports ${i.target}`;

test('every folder of lib has its place', () => {
  none(filesUnder('lib', ['.ts']).filter((f) => rank(layerOf(f)) < 0));
});

test('imports run only towards lower layers', () => {
  const wrong = inside.filter((i) => {
    const [from, to] = [layerOf(i.from), layerOf(i.target)];
    return from !== to && rank(to) >= rank(from);
  });
  none(wrong.map(show));
});

test('relative imports name an existing .ts file', () => {
  none(inside.filter((i) => !i.target.endsWith('.ts') || !existsSync(join(root, i.target))).map(show));
});

test('the addon is loaded by lib/native alone', () => {
  const loading = imports.filter((i) => i.target === 'node-gyp-build' && layerOf(i.from) !== 'native');
  const required = filesUnder('lib', ['.ts']).filter(
    (f) => layerOf(f) !== 'native' && /\.node['"`]/.test(withoutComments(read(f))),
  );
  none([...loading.map(show), ...required]);
});

test('kernels are called by lib/ops and core/primitives.ts', () => {
  const callers = inside.filter((i) => {
    if (i.target !== 'lib/native/kernels.ts') return false;
    if (layerOf(i.from) === 'ops' || layerOf(i.from) === 'native' || i.from === 'lib/core/primitives.ts') return false;
    return importsKernels(i);
  });
  none(callers.map(show));
});

/** Types, and the names of ops and arguments that the same file has, say nothing about who calls. */
function importsKernels(i: Import): boolean {
  const statements = withoutComments(read(i.from)).match(/^import [^;]*;/gm) ?? [];
  return statements.some(
    (s) => s.includes("/kernels.ts'") && !s.startsWith('import type') && /[{,]\s*kernels\b/.test(s),
  );
}

test('nothing above ops reaches below it for memory, kernels or the tape', () => {
  const forbidden = ['lib/core/storage.ts', 'lib/autograd/tape.ts'];
  const wrong = inside.filter((i) => {
    if (rank(layerOf(i.from)) <= rank('ops') || layerOf(i.from) === 'index') return false;
    // The command `doctor` examines the native layer itself, and the benchmarks measure the machine through it.
    if (['cli', 'bench'].includes(layerOf(i.from)) && layerOf(i.target) === 'native') return false;
    return layerOf(i.target) === 'native' || forbidden.includes(i.target);
  });
  none(wrong.map(show));
});

test('autograd imports no op', () => {
  none(inside.filter((i) => layerOf(i.from) === 'autograd' && layerOf(i.target) === 'ops').map(show));
});

test('dependencies are declared and Node modules are named as such', () => {
  type Versions = Record<string, string>;
  const manifest = JSON.parse(read('package.json')) as { dependencies: Versions; peerDependencies: Versions };
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
  const bare = imports.filter((i) => !i.target.startsWith('lib/') && !i.target.startsWith('node:'));
  none(bare.filter((i) => !(i.target in declared)).map(show));
});

// ---- native ---------------------------------------------------------------------------------------------------------

const nativeMayInclude: Readonly<Record<string, readonly string[]>> = {
  core: ['core', 'ops.h'], // thunk.h unpacks the rows of ops.h, which itself needs only core's plain types
  'ops.h': ['core', 'ops'],
  ops: ['core', 'ops', 'ops.h'],
  cpu: ['core', 'ops', 'ops.h', 'cpu'],
  cuda: ['core', 'ops', 'ops.h', 'cuda'],
  emu: ['core', 'ops', 'ops.h', 'cuda', 'emu'],
  fake: ['core', 'ops', 'ops.h', 'cpu', 'fake'], // its kernels are the CPU's
  binding: ['core', 'ops', 'ops.h', 'cpu', 'binding'],
};

/** The wrappers of native/cuda/wg have bodies for the emulator, and the runtime's header picks the emulator's. */
function mayInclude(file: string): readonly string[] {
  const folders = nativeMayInclude[nativeFolder(file)] ?? [];
  return /^native\/cuda\/(wg\/|runtime\.h$)/.test(file) ? [...folders, 'emu'] : folders;
}

interface Include {
  from: string;
  target: string;
  system: boolean;
}

function includesOf(file: string): Include[] {
  return [...withoutComments(read(file)).matchAll(/^\s*#\s*include\s*(["<])([^">]+)[">]/gm)].map((m) => {
    const system = m[1] === '<';
    const target = m[2] ?? '';
    return { from: file, system, target: system ? target : join(dirname(file), target) };
  });
}

const nativeFiles = filesUnder('native', ['.h', '.cc', '.cu', '.cuh']);
const includes = nativeFiles.flatMap(includesOf);
const nativeFolder = (file: string): string => normalize(file).split('/')[1] ?? '';
const showInclude = (i: Include): string => `${i.from} includes ${i.target}`;

test('#includes run only towards lower layers', () => {
  const wrong = includes.filter((i) => !i.system && !mayInclude(i.from).includes(nativeFolder(i.target)));
  none(wrong.map(showInclude));
});

test('the scratch that a kernel asks for is in the list that is looked at', () => {
  for (const backend of ['cpu', 'cuda']) {
    const listed = new Set([...read(`native/${backend}/workspace.h`).matchAll(/X\((\w+)\)/g)].map((m) => m[1]));
    const sources = nativeFiles.filter((file) => nativeFolder(file) === backend).map(read);
    const asked = sources.flatMap((text) => [...text.matchAll(/^size_t (\w+)Workspace\(const (?:In)?Out&/gm)]);
    none(
      asked
        .map((m) => m[1] ?? '')
        .filter((op) => !listed.has(op))
        .map((op) => `${op} is not in native/${backend}/workspace.h`),
    );
  }
});

test("only native/binding includes Node's headers, only native/cuda CUDA's", () => {
  const wrong = includes.filter((i) => {
    if (!i.system) return false;
    if (/^(napi|node_api|js_native_api|node|uv|v8)\.h$/.test(i.target)) return nativeFolder(i.from) !== 'binding';
    return /^(cuda|cudart|cub|cooperative_groups|mma)/.test(i.target) && nativeFolder(i.from) !== 'cuda';
  });
  none(wrong.map(showInclude));
});

test('kernel files include nothing that could leave inline code outside their ISA namespace', () => {
  const sources = JSON.parse(read('native/sources.json')) as { kernels: string[] };
  const plain = new Set([
    'cstdint',
    'cstddef',
    'cstring',
    'cmath',
    'cstdarg',
    'cstdio',
    'atomic',
    'type_traits',
    'immintrin.h',
    'arm_neon.h',
  ]);
  const seen = new Set<string>();
  const wrong: string[] = [];
  const visit = (file: string): void => {
    if (seen.has(file) || !existsSync(join(root, file))) return;
    seen.add(file);
    for (const include of includesOf(file)) {
      if (!include.system) visit(include.target);
      else if (!plain.has(include.target)) wrong.push(showInclude(include));
    }
  };
  sources.kernels.forEach(visit);
  none(wrong);
});

// Kernels are CUDA C++ that the emulator compiles as well: what only nvcc knows stands behind a wrapper.
const cudaOnly: Readonly<Record<string, RegExp>> = {
  'a launch': /<<<|cudaLaunchKernel/,
  PTX: /\basm\b/,
  'shared memory without WG_SHARED or WG_DYN_SHARED': /__shared__/,
  'an intrinsic': /\b__(shfl|ballot|any|all|match|reduce|ldg|ldcs|ldcg|stcs|stcg|nanosleep|activemask)\w*\s*\(/,
};

test('launches, PTX, intrinsics and shared memory stay in native/cuda/wg', () => {
  const outside = nativeFiles.filter((f) => f.startsWith('native/cuda/') && !f.startsWith('native/cuda/wg/'));
  const wrong = outside.flatMap((f) => {
    const text = withoutComments(read(f)).replace(/\/\/.*$/gm, '');
    return Object.entries(cudaOnly).flatMap(([what, pattern]) => (pattern.test(text) ? [`${f} has ${what}`] : []));
  });
  none(wrong);
});

test("the wrappers and native/cuda/runtime.h alone include CUDA's headers; kernels take the wrappers", () => {
  const wrong = includes.filter((i) => {
    if (!i.from.startsWith('native/cuda/') || i.from.startsWith('native/cuda/wg/')) return false;
    if (i.system) return /^(cuda|cooperative_groups|mma|cub|thrust)/.test(i.target) && !i.from.endsWith('/runtime.h');
    return i.from.endsWith('.cu') && i.target === 'native/cuda/runtime.h';
  });
  none(wrong.map(showInclude));
});

test('sources.json names every compiled file once', () => {
  const sources = JSON.parse(read('native/sources.json')) as Record<string, string[]>;
  const listed = Object.values(sources).flat();
  const compiled = nativeFiles.filter((f) => /\.(cc|cu)$/.test(f));
  assert.equal([...listed].sort(), compiled);
});

test.run();
