import torch
import torch.nn.functional as F
from parity import T, case

# Bounds that keep the evenly spaced values off the kinks, where PyTorch 1.13 and later versions differ.
def three(low=-4.03, high=3.89):
    return [T(3, 4, low=low, high=high, distinct=True), T(5, low=low, high=high, distinct=True), T(2, 1, 3, low=low, high=high, distinct=True)]

for name, fn in [
    ('relu6', F.relu6), ('silu', F.silu), ('mish', F.mish), ('selu', F.selu), ('softsign', F.softsign),
    ('tanhshrink', F.tanhshrink), ('hardswish', F.hardswish),
    ('logSigmoid', F.logsigmoid), ('gelu', F.gelu), ('leakyRelu', F.leaky_relu), ('elu', F.elu), ('celu', F.celu),
    ('softplus', F.softplus), ('softshrink', F.softshrink), ('hardshrink', F.hardshrink), ('hardtanh', F.hardtanh),
]:
    for x in three():
        case(name, [x], fn, second=name != 'hardswish')
# Its gradient in PyTorch 1.13 has a float32 sixth.
for x in three():
    case('hardsigmoid', [x], lambda x: F.relu6(x + 3) / 6, kind='composed')
for x in three():
    case('gelu', [x, {'approximate': 'tanh'}], lambda x, o: F.gelu(x, approximate=o['approximate']))
    case('leakyRelu', [x, 0.3], F.leaky_relu)
    case('elu', [x, 1.7], F.elu)
    # PyTorch 1.13 takes 1 / alpha in float32 for the gradient.
    case('celu', [x, 0.6], lambda x, a: torch.where(x > 0, x, a * torch.expm1(x / a)), kind='composed')
    case('softplus', [x, {'beta': 2, 'threshold': 3}], lambda x, o: F.softplus(x, o['beta'], o['threshold']))
    case('softshrink', [x, 1.1], F.softshrink)
    case('hardshrink', [x, 1.1], F.hardshrink)
    case('hardtanh', [x, -2, 1.5], F.hardtanh)
    case('threshold', [x, 0.1, 5], F.threshold)
    case('rrelu', [x, {'lower': 0.1, 'upper': 0.3}], lambda x, o: F.rrelu(x, o['lower'], o['upper'], False))
for x, w in [((2, 3, 4), 3), ((5,), 1), ((3, 2), 2)]:
    case('prelu', [T(*x, distinct=True), T(w)], F.prelu)
for shape, axis in [((3, 4), 1), ((2, 4, 3), 1), ((6,), -1)]:
    case('glu', [T(*shape), axis], F.glu)
    case('swiglu', [T(*shape), axis], lambda x, axis: F.silu(x.chunk(2, axis)[0]) * x.chunk(2, axis)[1], kind='composed')
    case('geglu', [T(*shape), axis], lambda x, axis: x.chunk(2, axis)[0] * F.gelu(x.chunk(2, axis)[1]), kind='composed')
