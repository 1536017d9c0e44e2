// Random programs: what they are made of.
import fc from 'fast-check';
import type { InPlace } from './model.ts';

/** Numbers in commands choose among what exists when they run, so that any part of a program is a program. */
export type Command =
  | {
      readonly kind: 'create';
      readonly shape: number;
      readonly seed: number;
      readonly how: 'plain' | 'grad' | 'borrow';
    }
  | {
      readonly kind: 'binary';
      readonly name: 'add' | 'sub' | 'mul';
      readonly a: number;
      readonly b: number;
      readonly fault: Fault;
    }
  | { readonly kind: 'matmul'; readonly a: number; readonly b: number; readonly fault: Fault }
  | {
      readonly kind: 'sum';
      readonly a: number;
      readonly axis: number;
      readonly keepdim: boolean;
      readonly fault: Fault;
    }
  | { readonly kind: 'index'; readonly a: number; readonly rows: readonly number[]; readonly fault: Fault }
  | {
      readonly kind: 'copySlice';
      readonly a: number;
      readonly b: number;
      readonly start: number;
      readonly length: number;
    }
  | {
      readonly kind: 'view';
      readonly how: 'transpose' | 'narrow' | 'select' | 'expand' | 'step' | 'flatten' | 'detach';
      readonly a: number;
      readonly p: number;
      readonly q: number;
    }
  | {
      readonly kind: 'inPlace';
      readonly name: InPlace;
      readonly a: number;
      readonly b: number;
      readonly noGrad: boolean;
      readonly fault: Fault;
    }
  | { readonly kind: 'write'; readonly a: number; readonly seed: number }
  | { readonly kind: 'read'; readonly how: 'data' | 'sync' | 'lend'; readonly a: number }
  | { readonly kind: 'dispose'; readonly a: number }
  | { readonly kind: 'backward'; readonly a: number; readonly retain: boolean }
  | { readonly kind: 'gradient'; readonly a: number; readonly leaf: number; readonly create: boolean }
  | {
      readonly kind: 'capture';
      readonly a: number;
      readonly seed: number;
      readonly calls: number;
      /** Building the graph fails. */
      readonly fault: boolean;
    }
  | { readonly kind: 'scope'; readonly body: readonly Command[]; readonly keep: number; readonly serve: boolean }
  | { readonly kind: 'settle' | 'turn' | 'gc' | 'synchronize' | 'outOfMemory' };

export type Fault = 'none' | 'op' | 'allocation';

const pick = fc.nat(1000);
const fault = fc.oneof(
  { weight: 12, arbitrary: fc.constant('none' as const) },
  { weight: 1, arbitrary: fc.constantFrom('op' as const, 'allocation' as const) },
);
const simple: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('create' as const),
      shape: pick,
      seed: pick,
      how: fc.constantFrom('plain' as const, 'plain' as const, 'grad' as const, 'grad' as const, 'borrow' as const),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('binary' as const),
      name: fc.constantFrom('add' as const, 'sub' as const, 'mul' as const),
      a: pick,
      b: pick,
      fault,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('matmul' as const), a: pick, b: pick, fault }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('sum' as const), a: pick, axis: pick, keepdim: fc.boolean(), fault }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('index' as const),
      a: pick,
      rows: fc.array(fc.integer({ min: -1, max: 40 }), { maxLength: 4 }),
      fault,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('copySlice' as const), a: pick, b: pick, start: pick, length: pick }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('view' as const),
      how: fc.constantFrom(
        'transpose' as const,
        'narrow' as const,
        'select' as const,
        'expand' as const,
        'step' as const,
        'flatten' as const,
        'detach' as const,
      ),
      a: pick,
      p: pick,
      q: pick,
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('inPlace' as const),
      name: fc.constantFrom('add_' as const, 'sub_' as const, 'mul_' as const, 'copy_' as const, 'fill_' as const),
      a: pick,
      b: pick,
      noGrad: fc.boolean(),
      fault,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('write' as const), a: pick, seed: pick }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      how: fc.constantFrom('data' as const, 'data' as const, 'sync' as const, 'lend' as const),
      a: pick,
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('dispose' as const), a: pick }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('backward' as const), a: pick, retain: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('gradient' as const), a: pick, leaf: pick, create: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('capture' as const),
      a: pick,
      seed: pick,
      calls: fc.integer({ min: 2, max: 6 }),
      fault: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'settle' as const,
        'turn' as const,
        'gc' as const,
        'synchronize' as const,
        'outOfMemory' as const,
      ),
    }),
  },
);
const scoped: fc.Arbitrary<Command> = fc.record({
  kind: fc.constant('scope' as const),
  body: fc.array(simple, { maxLength: 8 }),
  keep: pick,
  serve: fc.boolean(),
});

export const programs: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof({ weight: 15, arbitrary: simple }, { weight: 1, arbitrary: scoped }),
  { minLength: 1, maxLength: 40, size: 'max' },
);
