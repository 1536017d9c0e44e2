import torch
from torch.autograd import functional as A
from parity import C, Fn, case

cubes = Fn('cubes', lambda x: x ** 3 - 2 * x)
waves = Fn('waves', lambda x, y: torch.sin(x) @ y)
bowl = Fn('bowl', lambda x: (x ** 3 * torch.exp(x)).sum())
both = Fn('both', lambda x, y: (x ** 2 * y + y ** 3).sum())


def flat(results):
    return [t for each in results for t in (each if isinstance(each, (tuple, list)) else [each])]


def tuples(x):
    return tuple(x) if isinstance(x, list) else x


def call(f):
    return lambda fn, x, *v: flat([f(fn, tuples(x), *[tuples(each) for each in v])])


def pairs(f):
    return lambda fn, x, *v: flat(f(fn, tuples(x), *[tuples(each) for each in v]))


for shape in [(3,), (2, 2), (1, 3)]:
    case('jacobian', [cubes, C(*shape)], call(A.jacobian))
    case('hessian', [bowl, C(*shape)], call(A.hessian))
    case('vjp', [cubes, C(*shape), C(*shape)], pairs(A.vjp))
    case('jvp', [cubes, C(*shape), C(*shape)], pairs(A.jvp))
    case('hvp', [bowl, C(*shape), C(*shape)], pairs(A.hvp))
for a, b, c in [((2, 3), (3, 2), (2, 2)), ((1, 2), (2, 3), (1, 3))]:
    case('jacobian', [waves, [C(*a), C(*b)]], call(A.jacobian))
    case('vjp', [waves, [C(*a), C(*b)], C(*c)], pairs(A.vjp))
    case('jvp', [waves, [C(*a), C(*b)], [C(*a), C(*b)]], pairs(A.jvp))
    case('hessian', [both, [C(*a), C(*a)]], lambda fn, x: flat([t for row in A.hessian(fn, tuples(x)) for t in row]))
    case('hvp', [both, [C(*a), C(*a)], [C(*a), C(*a)]], pairs(A.hvp))
