"""Creation, casts, indexing, products, and what depends on signs or is no tensor."""
import torch
import torch.nn.functional as F
from torch.nn.utils import rnn
from parity import B, C, I, T, case, given, made

wide = {'dtype': 'float64'}
for args in [[5], [-2, 3], [1, 2.1]]:
    case('arange', args + [{'step': 0.25, **wide}], lambda *a: torch.arange(*a[:-1], step=0.25, dtype=torch.float64)
         if len(a) > 2 else torch.arange(0, a[0], 0.25, dtype=torch.float64))
case('arange', [9, 2, {'step': -2, 'dtype': 'int64'}], lambda a, b, o: torch.arange(a, b, -2))
for rows, columns in [(3, 3), (2, 4), (4, 1), (0, 2)]:
    case('eye', [rows, {'columns': columns, **wide}], lambda r, o: torch.eye(r, o['columns'], dtype=torch.float64))
for shape in [[2, 3], [], [0, 4]]:
    case('zeros', [shape, wide], lambda s, o: torch.zeros(s, dtype=torch.float64))
    case('ones', [shape, wide], lambda s, o: torch.ones(s, dtype=torch.float64))
    case('full', [shape, 2.5, wide], lambda s, v, o: torch.full(s, v, dtype=torch.float64))
    case('where', [B(*shape), T(*shape), T(*shape)], torch.where)
    case('contiguous', [T(*shape)], lambda x: x.contiguous())
    case('detach', [C(*shape)], lambda x: x.detach())
    case('clone', [T(*shape)], torch.clone)
    for name, dtype in [('float32', torch.float32), ('float64', torch.float64)]:
        for op in ['cast', 'to']:
            case(op, [T(*shape), name], lambda x, _, d=dtype: x.to(d))
    for name, dtype in [('int32', torch.int32), ('int64', torch.int64), ('bool', torch.bool), ('uint8', torch.uint8)]:
        case('cast', [C(*shape, low=0, high=9), name], lambda x, _, d=dtype: x.to(d))
case('where', [B(3, 1), T(4), T(3, 4)], torch.where)

for a, b in [((3, 4), (4, 2)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((4,), (4, 3)), ((2, 3), (3,)), ((3,), (3,)),
             ((0, 4), (4, 2)), ((3, 0), (0, 2))]:
    case('matmul', [T(*a), T(*b)], torch.matmul)
for x, w, b in [((3, 4), (2, 4), (2,)), ((2, 3, 4), (5, 4), None), ((4,), (3, 4), (3,)), ((0, 4), (2, 4), (2,))]:
    case('linear', [T(*x), T(*w)] + ([T(*b)] if b else []), F.linear)

for n in [2, 3, 4]:
    case('at', [T(n, 5, 2), 1], lambda x, i: x[i])
    case('at', [T(n, 5), '...', -2], lambda x, _, i: x[..., i])
    case('at', [T(5, n), [1, 5, 2], None], lambda x, r, _: x[1:5:2, None])
    case('at', [T(n, 3, 4), ':', I(0, 3, 2, 2)], lambda x, _, i: x[:, i])
    case('at', [T(n, 4, 3), I(0, n, 3), ':', I(0, 3, 3)], lambda x, i, _, j: x[i, :, j])
    case('at', [T(4, n), given([[True] * n, [False] * n, [True] * n, [False] * n], torch.bool)], lambda x, m: x[m])

symmetric = lambda n, seed: made(lambda: (lambda m: m + m.T)(torch.rand(n, n, dtype=torch.float64) * 4 - 2))
for n in [2, 3, 4]:
    case('eigh', [symmetric(n, n)], lambda x: (lambda w, v: (w, v ** 2))(*torch.linalg.eigh(x)))
    for m in [n, n + 1, n - 1]:
        case('svd', [T(n, m), {'fullMatrices': False}], lambda x, o: (lambda u, s, v: (u ** 2, s, v ** 2))(*torch.linalg.svd(x, full_matrices=False)))
for shape in [(3,), (2, 2), (0, 3)]:
    case('allclose', [C(*shape), C(*shape)], lambda a, b: torch.tensor(torch.allclose(a, b)))
    case('allclose', [made(lambda s=shape: torch.ones(s, dtype=torch.float64), False), made(lambda s=shape: torch.ones(s, dtype=torch.float64) + 1e-9, False)],
         lambda a, b: torch.tensor(torch.allclose(a, b)))
    case('equal', [I(0, 2, *shape), I(0, 2, *shape)], lambda a, b: torch.tensor(torch.equal(a, b)))
    case('equal', [made(lambda s=shape: torch.ones(s, dtype=torch.float64), False), made(lambda s=shape: torch.ones(s, dtype=torch.float64), False)],
         lambda a, b: torch.tensor(torch.equal(a, b)))


def packed(p):
    return p.data, p.batch_sizes


for lengths in [[3, 1], [2, 2, 1], [4]]:
    n = len(lengths)
    case('packPaddedSequence', [T(max(lengths), n, 2), lengths], lambda x, l: packed(rnn.pack_padded_sequence(x, l)))
    case('packSequence', [[T(k, 2) for k in lengths]], lambda xs: packed(rnn.pack_sequence(xs)))
    sizes = [sum(k > t for k in lengths) for t in range(max(lengths))]
    case('padPackedSequence', [{'data': T(sum(lengths), 2), 'batchSizes': sizes, 'sortedIndices': None}],
         lambda p: rnn.pad_packed_sequence(rnn.PackedSequence(p['data'], torch.tensor(p['batchSizes']))))
