import torch
from parity import B, C, I, T, case

shapes = [((3, 4), (3, 4)), ((3, 1), (4,)), ((2, 1, 3), (1,))]


def positive(*shape):
    return T(*shape, low=0.31, high=2.2)


for a, b in shapes:
    for name, ours in [('fmod', 'fmod'), ('remainder', 'remainder')]:
        case(ours, [T(*a, low=-5, high=5), positive(*b)], getattr(torch, name))
    case('floorDivide', [C(*a, low=-5, high=5), C(*b, low=0.31, high=2.2)], torch.floor_divide)
    case('div', [T(*a, low=-5, high=5), positive(*b), {'roundingMode': 'trunc'}],
         lambda x, y, o: torch.div(x, y, rounding_mode=o['roundingMode']))
    case('div', [T(*a, low=-5, high=5), positive(*b), {'roundingMode': 'floor'}],
         lambda x, y, o: torch.div(x, y, rounding_mode=o['roundingMode']))
    for name in ['fmax', 'fmin']:
        case(name, [T(*a, distinct=True), T(*b, low=0.31, high=2.2, distinct=True)], getattr(torch, name))
    for name in ['atan2', 'hypot', 'xlogy', 'copysign']:
        case(name, [T(*a), positive(*b)], getattr(torch, name))
    for name in ['logaddexp', 'logaddexp2']:
        case(name, [T(*a, low=-9, high=9), T(*b, low=-9, high=9)], getattr(torch, name))
    case('heaviside', [C(*a), C(*b)], torch.heaviside)
    case('ldexp', [T(*a), T(*b)], torch.ldexp)
    case('floatPower', [positive(*a), T(*b)], torch.float_power)
    case('add', [T(*a), T(*b), {'alpha': -0.7}], lambda x, y, o: torch.add(x, y, alpha=o['alpha']))
    case('sub', [T(*a), T(*b), {'alpha': 0.3}], lambda x, y, o: torch.sub(x, y, alpha=o['alpha']))
    case('lerp', [T(*a), T(*b), T(1)], torch.lerp)
    case('lerp', [T(*a), T(*b), 0.8], torch.lerp)
    for name in ['addcmul', 'addcdiv']:
        case(name, [T(*a), T(*b), positive(1), {'value': -1.3}],
             lambda x, y, z, o, name=name: getattr(torch, name)(x, y, z, value=o['value']))
    case('maskedFill', [T(*a), B(*b), 0.5], lambda x, m, v: x.masked_fill(m, v))
    case('maskedFill', [T(*a), B(*a), T()], lambda x, m, v: x.masked_fill(m, v))
    case('isclose', [C(*a), C(*b), {'rtol': 0.4, 'atol': 0.3}],
         lambda x, y, o: torch.isclose(x, y, rtol=o['rtol'], atol=o['atol']))

for shape in [(4, 5), (7,), (2, 1, 3)]:
    case('clamp', [T(*shape), {'min': -0.7, 'max': 0.6}], lambda x, o: torch.clamp(x, o['min'], o['max']))
    case('clamp', [T(*shape), {'min': 0.2, 'max': -0.3}], lambda x, o: torch.clamp(x, o['min'], o['max']))
    case('clampMin', [T(*shape), T(1)], torch.clamp_min)
    case('clampMin', [T(*shape), 0.3], torch.clamp_min)
    case('clampMax', [T(*shape), T(1)], torch.clamp_max)
    case('clampMax', [T(*shape), -0.2], torch.clamp_max)
    for name, ours in [('floor_divide', 'floorDivide'), ('remainder', 'remainder'), ('fmod', 'fmod')]:
        case(ours, [I(-40, 40, *shape), I(1, 9, *shape)], getattr(torch, name))
        case(ours, [I(-40, 40, *shape), -7], getattr(torch, name))
