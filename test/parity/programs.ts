// Programs of views and in-place ops, as programs.py has them under the same names.
import type { ErrorCode, Tensor } from '../../lib/index.ts';
import { noGrad } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';

export interface Program {
  readonly run: (x: Tensor) => Tensor;
  /** Our code where PyTorch raises. */
  readonly code?: ErrorCode;
  /** The same without in-place ops, where PyTorch raises and we need not. */
  readonly plainly?: (x: Tensor) => Tensor;
}

const zeros = (x: Tensor): Tensor => ops.zeros([2, 2], { dtype: x.dtype, device: x.device });

export const programs: Readonly<Record<string, Program>> = {
  'in-place on the result': { run: (x) => x.mul(2).add_(1).mul_(3) },
  'in-place on a row': {
    run: (x) => {
      const y = x.mul(2);
      y.select(0, 0).mul_(5);
      return y;
    },
  },
  'a sibling view made before': {
    run: (x) => {
      const y = x.mul(2);
      const row = y.select(0, 0);
      const column = y.select(1, 0);
      row.mul_(5);
      return ops.cat([column, row]);
    },
  },
  'fill_ cuts the graph of its part': {
    run: (x) => {
      const y = x.mul(3);
      y.select(0, 1).fill_(0);
      return y;
    },
  },
  'copy_ connects its source': {
    run: (x) => {
      const y = zeros(x);
      y.select(0, 0).copy_(x.select(0, 1));
      return y;
    },
  },
  'zero_ on everything': { run: (x) => x.mul(3).zero_() },
  'a view of a view': {
    run: (x) => {
      const y = x.mul(1);
      y.transpose().select(0, 1).mul_(4);
      return y;
    },
  },
  'twice into one view': {
    run: (x) => {
      const y = x.mul(1);
      const row = y.select(0, 0);
      row.mul_(2);
      row.mul_(3);
      return y;
    },
  },
  'through base and view': {
    run: (x) => {
      const y = x.mul(1);
      const row = y.select(0, 0);
      y.mul_(2);
      row.mul_(3);
      return y;
    },
  },
  'a detached part': {
    run: (x) => {
      const y = x.mul(2);
      return y.add(y.detach());
    },
  },
  'add_ of a product': { run: (x) => zeros(x).add_(x.mul(4)) },
  'reshape shares memory': {
    run: (x) => {
      const y = x.mul(1);
      y.reshape([4]).mul_(2);
      return y;
    },
  },
  'an operand that needs gradients': {
    run: (x) => {
      const y = x.mul(3);
      y.mul_(x);
      return y;
    },
  },
  'the target is its own operand': {
    run: (x) => {
      const y = x.mul(1);
      y.mul_(y);
      return y;
    },
    plainly: (x) => x.mul(x), // backward has its own copy of the operand
  },
  'what nobody saved may change': {
    run: (x) => {
      const y = x.add(1);
      const z = y.add(2);
      y.mul_(5);
      return z;
    },
  },
  'a result is saved and changed': {
    run: (x) => {
      const y = x.exp();
      y.add_(1);
      return y;
    },
    code: 'ERR_GRAD',
  },
  'an operand is saved and changed': {
    run: (x) => {
      const y = x.mul(1);
      const z = y.mul(y);
      y.mul_(2);
      return z;
    },
    code: 'ERR_GRAD',
  },
  'a view of a saved tensor changes it': {
    run: (x) => {
      const y = x.mul(1);
      const z = y.mul(y);
      y.select(0, 0).fill_(0);
      return z;
    },
    code: 'ERR_GRAD',
  },
  'changed unrecorded, and still noticed': {
    run: (x) => {
      const y = x.mul(1);
      const z = y.mul(y);
      noGrad(() => y.select(0, 0).fill_(0));
      return z;
    },
    code: 'ERR_GRAD',
  },
  'changed through detach, and still noticed': {
    run: (x) => {
      const y = x.mul(1);
      const z = y.mul(y);
      y.detach().zero_();
      return z;
    },
    code: 'ERR_GRAD',
  },
  'a leaf': { run: (x) => x.add_(1), code: 'ERR_GRAD' },
  'a view of a leaf': { run: (x) => x.select(0, 0).mul_(2), code: 'ERR_GRAD' },
  'an expanded target': { run: (x) => x.mul(1).select(0, 0).expand([2, 2]).add_(1), code: 'ERR_ARGUMENT' },
  'its own transpose': {
    run: (x) => {
      const y = x.mul(1);
      return y.add_(y.transpose());
    },
    code: 'ERR_ARGUMENT',
  },
};
