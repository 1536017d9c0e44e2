"""Tensors without elements, through every kind of op."""
import torch
import torch.nn.functional as F
from parity import B, I, T, case

for shape in [(0,), (2, 0), (0, 3)]:
    for name in ['exp', 'relu', 'tanh', 'sqrt', 'abs']:
        case(name, [T(*shape)], getattr(torch, name))
    for name in ['add', 'mul', 'div', 'maximum', 'atan2']:
        case(name, [T(*shape), T(*shape)], getattr(torch, name))
        case(name, [T(*shape), T(1)], getattr(torch, name))
    for name in ['sum', 'prod', 'nansum']:
        case(name, [T(*shape)], getattr(torch, name))
    case('mean', [T(*shape)], torch.mean)
    case('cumsum', [T(*shape), 0], torch.cumsum)
    case('flip', [T(*shape), 0], lambda x, a: torch.flip(x, [a]))
    case('sort', [T(*shape), 0], lambda x, a: tuple(torch.sort(x, a)))
    case('cat', [[T(*shape), T(*shape)]], torch.cat)
    case('stack', [[T(*shape), T(*shape)], 1], torch.stack)
    case('mseLoss', [T(*shape), T(*shape), {'reduction': 'sum'}], lambda a, b, o: F.mse_loss(a, b, reduction='sum'))
for shape in [(2, 0, 3), (0, 1, 2), (1, 3, 0)]:
    case('amax', [T(*shape), {'axis': [i for i, n in enumerate(shape) if n > 1][0]}], lambda x, o: torch.amax(x, o['axis']))
    case('sum', [T(*shape), {'axis': 1, 'keepdim': True}], lambda x, o: torch.sum(x, 1, keepdim=True))
    case('softmax', [T(*shape), {'axis': 1}], lambda x, o: torch.softmax(x, 1))
    case('permute', [T(*shape), [2, 0, 1]], torch.permute)
    case('reshape', [T(*shape), [0, 6]], torch.reshape)
    case('where', [B(*shape), T(*shape), T(*shape)], torch.where)
for rows, inner, columns in [(0, 3, 2), (2, 0, 3), (2, 3, 0)]:
    case('mm', [T(rows, inner), T(inner, columns)], torch.mm)
    case('bmm', [T(2, rows, inner), T(2, inner, columns)], torch.bmm)
    case('kron', [T(rows, inner), T(2, 2)], torch.kron)
for n in [1, 2, 3]:
    case('indexSelect', [T(n, 4), I(0, n, 5), 0], lambda x, i, a: torch.index_select(x, a, i))
    case('indexSelect', [T(n, 4), I(0, 4, n), 1], lambda x, i, a: torch.index_select(x, a, i))
    case('indexSelect', [T(n, 4), I(0, n, 0), 0], lambda x, i, a: torch.index_select(x, a, i))
    case('gather', [T(n, 4), 1, I(0, 4, n, 0)], torch.gather)
    case('conv1d', [T(0, 2, 5), T(n, 2, 3)], F.conv1d)
    case('layerNorm', [T(0, n), n], lambda x, s: F.layer_norm(x, [s]))
