import torch
from parity import T, case

def three(**range):
    return [T(3, 4, **range), T(5, **range), T(2, 1, 3, **range)]

for x in three():
    case('erfc', [x], torch.erfc)
    case('sinc', [x], torch.sinc)
for x in three(low=-0.95, high=0.95):
    case('erfinv', [x], torch.erfinv)
for x in three(low=0.2, high=12):
    case('lgamma', [x], torch.lgamma)
    case('digamma', [x], torch.digamma)
    for n in [1, 2, 4]:
        case('polygamma', [n, x], torch.polygamma)
for x in three(low=0.05, high=0.95):
    case('logit', [x], torch.logit)
    case('logit', [x, 0.1], torch.logit)
for name in ['i0', 'i0e', 'i1', 'i1e']:
    for x in [T(3, 4), T(5, low=5, high=12), T(2, 1, 3, low=-20, high=20)]:
        case(name, [x], getattr(torch.special, name))
