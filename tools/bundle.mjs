// Writes the code of dist/ from lib/, where tsc has written the types: node tools/bundle.mjs
// One file instead of 250: finding, opening and linking modules is most of what an import of them costs.
import { readdirSync, rmSync } from 'node:fs';
import { dirname, isAbsolute, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');

// What users import or run: each is a file of dist/ at its place in lib/. What they share is in files beside index.js, so that
// state exists once and a file at the top of lib/ finds itself at the top of dist/.
const entries = ['index', 'bench/index', 'cli/main', 'cli/inspect', 'cli/self-test'];
// Runs itself as a program, which must not be the whole library.
const program = 'native/probe';

const bundle = await rolldown({
  cwd: root,
  input: Object.fromEntries(entries.map((name) => [name, `lib/${name}.ts`])),
  platform: 'node',
  external: (id) => !id.startsWith('.') && !isAbsolute(id),
  tsconfig: false,
  transform: { target: 'node20.19' },
  plugins: [
    {
      name: 'ascii',
      // One sign beyond Latin-1 makes V8 keep, and look through, two bytes for every character of a file.
      generateBundle(_, files) {
        for (const file of Object.values(files))
          if (file.type === 'chunk')
            file.code = file.code.replace(
              /[^\0-\x7f]/g,
              (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
            );
      },
    },
  ],
  onLog(level, { message }) {
    if (level === 'warn') throw new Error(message);
  },
});
const { output } = await bundle.write({
  dir: dist,
  format: 'esm',
  // The sources travel in the package with their comments; the code keeps its lines and names, for stacks read without a map.
  sourcemap: true,
  sourcemapExcludeSources: true,
  comments: false,
  chunkFileNames: '[name].js',
  codeSplitting: { groups: [{ name: program, test: join('lib', `${program}.ts`) }] },
});
await bundle.close();

const chunks = output.filter((each) => each.type === 'chunk');
const own = chunks.find(({ fileName }) => fileName === `${program}.js`);
if (own?.moduleIds.length !== 1) throw new Error(`${program} is not a file of its own`);
// Errors and printed modules show the names of classes.
for (const { fileName, code } of chunks) {
  const renamed = /^\s*(?:(?:const|let|var) (\w+\$\d+) = )?class(?: (\w+\$\d+))?\b.*$/gm;
  for (const [line, variable, name] of code.matchAll(renamed))
    if (variable || name) throw new Error(`${fileName}: two classes of lib/ have one name: ${line.trim()}`);
}
// What an earlier build left.
const written = new Set(output.map(({ fileName }) => fileName.split('/').join(sep)));
for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' }))
  if (/\.js(\.map)?$/.test(file) && !written.has(file)) rmSync(join(dist, file));
