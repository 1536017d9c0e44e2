import torch
from parity import T, case

anywhere = [T(3, 4), T(5), T(2, 1, 3)]
positive = [T(3, 4, low=0.1, high=3), T(5, low=0.1, high=3), T(2, 1, 3, low=0.1, high=3)]
for x in anywhere:
    for name in ['neg', 'abs', 'sign', 'exp', 'square', 'reciprocal', 'sin', 'cos', 'tanh', 'sigmoid', 'relu', 'erf', 'floor']:
        case(name, [x], getattr(torch, name))
for x in positive:
    for name in ['log', 'sqrt', 'rsqrt']:
        case(name, [x], getattr(torch, name))
for a, b in [((3, 4), (3, 4)), ((3, 1), (4,)), ((2, 1, 3), (1,))]:
    for name in ['add', 'sub', 'mul', 'div', 'maximum', 'minimum']:
        case(name, [T(*a, distinct=True), T(*b, low=0.31, high=2.2, distinct=True)], getattr(torch, name))
    case('pow', [T(*a, low=0.2, high=2), T(*b)], torch.pow)
    for name in ['eq', 'ne', 'lt', 'le', 'gt', 'ge']:
        case(name, [T(*a), T(*b)], getattr(torch, name))
