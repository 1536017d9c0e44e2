import torch
from parity import C, T, case, given

for shape, axis in [((3, 5), 1), ((2, 3, 4), 0), ((7,), -1)]:
    case('cumsum', [T(*shape), axis], lambda x, axis: torch.cumsum(x, axis))
    case('cumprod', [T(*shape), axis], lambda x, axis: torch.cumprod(x, axis))
    case('logcumsumexp', [T(*shape), axis], lambda x, axis: torch.logcumsumexp(x, axis))
    case('diff', [T(*shape), {'axis': axis}], lambda x, o: torch.diff(x, dim=o['axis']))
    case('trapezoid', [T(*shape), {'axis': axis, 'dx': 0.3}], lambda x, o: torch.trapezoid(x, dx=o['dx'], dim=o['axis']))
case('cumprod', [given([[1.5, 0, -2, 0.5], [3, 0, 0, 2]], grad=True), 1], lambda x, axis: torch.cumprod(x, axis))
case('diff', [T(3, 6), {'n': 3}], lambda x, o: torch.diff(x, n=o['n']))
