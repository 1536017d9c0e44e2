import torch
from parity import B, I, case

for a, b in [((3, 4), (3, 4)), ((3, 1), (4,)), ((2, 1, 3), (1,))]:
    for name, ours in [('logical_and', 'logicalAnd'), ('logical_or', 'logicalOr'), ('logical_xor', 'logicalXor')]:
        case(ours, [I(-1, 2, *a), I(0, 2, *b)], getattr(torch, name))
        case(ours, [B(*a), B(*b)], getattr(torch, name))
    case('logicalNot', [I(-1, 2, *a)], torch.logical_not)
    for name, ours in [('bitwise_and', 'bitwiseAnd'), ('bitwise_or', 'bitwiseOr'), ('bitwise_xor', 'bitwiseXor')]:
        case(ours, [I(-1000, 1000, *a), I(-1000, 1000, *b)], getattr(torch, name))
        case(ours, [B(*a), B(*b)], getattr(torch, name))
    case('bitwiseNot', [I(-1000, 1000, *a)], torch.bitwise_not)
    case('bitwiseNot', [B(*a)], torch.bitwise_not)
    case('bitwiseLeftShift', [I(-1000, 1000, *a), I(0, 20, *b)], torch.bitwise_left_shift)
    case('bitwiseRightShift', [I(-100000, 100000, *a), I(0, 20, *b)], torch.bitwise_right_shift)
    case('gcd', [I(-100, 100, *a), I(-100, 100, *b)], torch.gcd)
    case('lcm', [I(-100, 100, *a), I(-100, 100, *b)], torch.lcm)
