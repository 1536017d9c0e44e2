// Reads machine code out of object files without a disassembler: a cubin is an ELF file, `.text.<kernel>` holds instructions
// of 16 bytes, the low 12 bits are the opcode. Opcodes were learnt from kernels of one instruction each.

/** @type {Record<string, readonly number[]>} */
export const opcodes = {
  HMMA: [0x23c, 0x27d],
  IMMA: [0x237],
  HGMMA: [0x9f0],
  LDGSTS: [0xfae],
  LDG: [0x981],
  STG: [0x986],
  LDS: [0x984],
  STS: [0x388, 0x988],
  LDSM: [0x83b],
  LDL: [0x983],
  STL: [0x387, 0x987],
  BAR: [0xb1d],
  SHFL: [0x389, 0x589, 0x989, 0xf89],
};
const nameOf = new Map(Object.entries(opcodes).flatMap(([name, codes]) => codes.map((code) => [code, name])));
/** Accesses whose width matters: it stands in bits 9 to 11 of the upper half. */
const widths = new Map([
  [4, '32'],
  [5, '64'],
  [6, '128'],
]);
const measured = new Set(['LDG', 'STG', 'LDS', 'STS', 'LDGSTS', 'LDL', 'STL']);

/**
 * @typedef {object} Kernel
 * @property {string} name mangled
 * @property {number} architecture 80 for sm_80
 * @property {Map<string, number>} counts of instructions by name, accesses also by name and bits: `LDG.128`
 * @property {number} threads the launch bound, 0 when there is none
 */

const CUDA = 190; // e_machine

/** The kernels of every cubin inside an uncompressed object. @param {Buffer} object @returns {Kernel[]} */
export function kernelsIn(object) {
  const found = [];
  for (let at = object.indexOf('\x7fELF'); at >= 0; at = object.indexOf('\x7fELF', at + 4)) {
    if (object.readUInt16LE(at + 18) === CUDA) found.push(...kernelsOf(object.subarray(at)));
  }
  return found;
}

/** @param {Buffer} elf @returns {Kernel[]} */
function kernelsOf(elf) {
  const architecture = (elf.readUInt32LE(48) >> 8) & 0xff;
  const sections = sectionsOf(elf);
  return sections
    .filter(({ name }) => name.startsWith('.text.'))
    .map(({ name, bytes }) => {
      const kernel = name.slice('.text.'.length);
      const info = sections.find((s) => s.name === `.nv.info.${kernel}`)?.bytes;
      return { name: kernel, architecture, counts: count(bytes), ...bounds(info ?? Buffer.alloc(0)) };
    });
}

/** @param {Buffer} elf */
function sectionsOf(elf) {
  const table = Number(elf.readBigUInt64LE(40));
  const [size, number, names] = [elf.readUInt16LE(58), elf.readUInt16LE(60), elf.readUInt16LE(62)];
  const headers = Array.from({ length: number }, (_, i) => {
    const at = table + i * size;
    const offset = Number(elf.readBigUInt64LE(at + 24));
    const empty = elf.readUInt32LE(at + 4) === 8; // NOBITS: shared memory takes no room in the file
    const bytes = empty ? Buffer.alloc(0) : elf.subarray(offset, offset + Number(elf.readBigUInt64LE(at + 32)));
    return { label: elf.readUInt32LE(at), bytes };
  });
  const text = headers[names]?.bytes ?? Buffer.alloc(0);
  return headers.map(({ label, bytes }) => ({
    name: text.toString('latin1', label, text.indexOf(0, label)),
    bytes,
  }));
}

/** @param {Buffer} code */
function count(code) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  const add = (/** @type {string} */ name) => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (let at = 0; at + 16 <= code.length; at += 16) {
    const name = nameOf.get(code.readUInt16LE(at) & 0xfff);
    if (name === undefined) continue;
    add(name);
    if (measured.has(name)) add(`${name}.${widths.get((code.readUInt8(at + 9) >> 1) & 7) ?? '8'}`);
  }
  return counts;
}

/** What `.nv.info.<kernel>` says of __launch_bounds__: entries of format, attribute, size, value. @param {Buffer} info */
function bounds(info) {
  const [MAX_THREADS, HAS_SIZE] = [0x05, 0x04];
  let threads = 0;
  for (let at = 0; at + 4 <= info.length; ) {
    const [format, attribute, size] = [info.readUInt8(at), info.readUInt8(at + 1), info.readUInt16LE(at + 2)];
    if (format === HAS_SIZE && attribute === MAX_THREADS) threads = info.readUInt32LE(at + 4);
    at += 4 + (format === HAS_SIZE ? size : 0);
  }
  return { threads };
}
