import torch
from parity import T, case

for m, k, n in [(2, 3, 4), (1, 5, 2), (4, 1, 3)]:
    case('mm', [T(m, k), T(k, n)], torch.mm)
    case('mv', [T(m, k), T(k)], torch.mv)
    case('dot', [T(k), T(k)], torch.dot)
    case('outer', [T(m), T(n)], torch.outer)
    case('inner', [T(m, k), T(n, k)], torch.inner)
    case('bmm', [T(2, m, k), T(2, k, n)], torch.bmm)
    case('vecdot', [T(m, k), T(m, k), {'axis': 0}], lambda a, b, o: torch.linalg.vecdot(a, b, dim=o['axis']))
    case('kron', [T(m, k), T(n)], torch.kron)
    case('cross', [T(m, 3), T(m, 3)], lambda a, b: torch.cross(a, b, dim=-1))
    options = {'alpha': 1.5, 'beta': -0.5}
    case('addmm', [T(n), T(m, k), T(k, n), options], lambda x, a, b, o: torch.addmm(x, a, b, **o))
    case('addmv', [T(m), T(m, k), T(k), options], lambda x, a, b, o: torch.addmv(x, a, b, **o))
    case('addr', [T(m, n), T(m), T(n), options], lambda x, a, b, o: torch.addr(x, a, b, **o))
    case('addbmm', [T(m, n), T(2, m, k), T(2, k, n), options], lambda x, a, b, o: torch.addbmm(x, a, b, **o))
    case('baddbmm', [T(1, n), T(2, m, k), T(2, k, n), options], lambda x, a, b, o: torch.baddbmm(x, a, b, **o))
    case('multiDot', [[T(m, k), T(k, n), T(n, 2)]], torch.linalg.multi_dot)
    case('tensordot', [T(m, k, n), T(k, 2, m), [[0, 1], [2, 0]]], lambda a, b, axes: torch.tensordot(a, b, axes))

for equation, *shapes in [
    ('bij,bjk,kl->lbi', (2, 3, 4), (2, 4, 2), (2, 3)),
    ('ii->i', (3, 3)),
    ('ba', (2, 3)),
    ('...ij,...jk->...ik', (3, 1, 2, 4), (2, 4, 3)),
    ('a,ab,bc,c->', (2,), (2, 3), (3, 4), (4,)),
]:
    case('einsum', [equation, *[T(*shape) for shape in shapes]], torch.einsum)
