import torch
from parity import T, C, case

def three(**range):
    return [T(3, 4, **range), T(5, **range), T(2, 1, 3, **range)]

for names, inputs in [
    (['exp2', 'expm1', 'tan', 'atan', 'sinh', 'cosh', 'asinh', 'deg2rad', 'rad2deg', 'sgn', 'positive'], three()),
    (['log2', 'log10'], three(low=0.1, high=3)),
    (['log1p'], three(low=-0.9, high=3)),
    (['asin', 'acos', 'atanh'], three(low=-0.9, high=0.9)),
    (['acosh'], three(low=1.1, high=4)),
    (['ceil', 'trunc', 'frac', 'round'], three(low=-5, high=5)),
]:
    for name in names:
        for x in inputs:
            case(name, [x], getattr(torch, name))
for shape in [(3, 4), (5,), (2, 1, 3)]:
    case('round', [T(*shape), {'decimals': 2}], lambda x, o: torch.round(x, decimals=o['decimals']))
    case('nanToNum', [T(*shape), {'nan': 1}], lambda x, o: torch.nan_to_num(x, nan=o['nan']))
    for name in ['isnan', 'isinf', 'isfinite', 'isposinf', 'isneginf', 'signbit']:
        case(name, [C(*shape)], getattr(torch, name))
