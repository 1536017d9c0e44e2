import type { Schema } from './addon.ts';

const typescript: Readonly<Record<string, string>> = {
  number: 'number',
  Out: 'KernelView',
  InOut: 'KernelView',
  In: 'KernelView',
  MaybeIn: 'KernelView | null',
  Operand: 'KernelView | number',
  InList: 'readonly KernelView[]',
  InOutList: 'readonly KernelView[]',
};

/** The text of kernels.gen.ts: the op table as TypeScript declarations. `npm run gen` writes it. */
export function printKernels(schema: Schema): string {
  const structs = Object.entries(schema.structs).map(
    ([name, members]) => `export interface ${name} {\n${members.map((m) => `  readonly ${m}: number;\n`).join('')}}\n`,
  );
  const rows = schema.ops.map(({ name, arguments: names, types }) => {
    const list = names.split(' ').map((argument, i) => `${argument}: ${typescript[types[i] ?? ''] ?? types[i]}`);
    return `  ${name}(${list.join(', ')}): void;\n`;
  });
  return `// Printed from native/ops.h by \`npm run gen\`; do not edit.
import type { KernelView } from './kernels.ts';

${structs.join('\n')}
/** Every kernel, in the order of the op table. */
export interface Kernels {
${rows.join('')}}
`;
}
