import torch
from parity import T, case, made

L = torch.linalg
eye = lambda n: torch.eye(n, dtype=torch.float64)


def square(n, *batch, shift=3):
    return made(lambda: torch.rand(*batch, n, n, dtype=torch.float64) + shift * eye(n))


def positive(n, *batch):
    def make():
        x = torch.rand(*batch, n, n, dtype=torch.float64)
        return x @ x.mT + eye(n)
    return made(make)


def symmetric(n, *batch):
    def make():
        x = torch.rand(*batch, n, n, dtype=torch.float64) - 0.5
        return x + x.mT + torch.diag(torch.arange(n) * 2.0)
    return made(make)


for batch, n, k in [((), 2, 1), ((2,), 3, 2), ((2, 1), 4, 3)]:
    case('cholesky', [positive(n, *batch)], L.cholesky)
    case('choleskySolve', [T(*batch, n, k), square(n, *batch), {'upper': False}],
         lambda b, l, o: torch.cholesky_solve(b, l.tril(), upper=False), kind='composed')
    case('choleskyInverse', [square(n, *batch)],
         lambda l: torch.cholesky_solve(eye(l.shape[-1]).expand_as(l), l.tril()), kind='composed')
    case('triangularSolve', [square(n, *batch), T(*batch, n, k), {'upper': True}],
         lambda a, b, o: L.solve_triangular(a.triu(), b, upper=True))
    case('triangularSolve', [square(n, *batch), T(*batch, k, n), {'unitriangular': True, 'left': False}],
         lambda a, b, o: L.solve_triangular(a.tril(-1) + eye(a.shape[-1]), b, upper=False, left=False, unitriangular=True))
    case('solve', [square(n, *batch), T(*batch, n, k)], L.solve)
    case('inverse', [square(n, *batch)], L.inv)
    case('det', [square(n, *batch, shift=1)], L.det)
    case('slogdet', [square(n, *batch)], lambda x: tuple(L.slogdet(x)))
    case('lu', [square(n, *batch, shift=0)], lambda x: tuple(L.lu(x)))
    case('luFactor', [square(n, *batch, shift=0)], lambda x: tuple(L.lu_factor(x)))
    case('luSolve', [square(n, *batch), made(lambda n=n, batch=batch: torch.full((*batch, n), n), grad=False),
                     T(*batch, n, k)],
         lambda lu, p, b: torch.lu_solve(b, lu, p.to(torch.int32)))
    case('qr', [square(n, *batch)], lambda x: tuple(L.qr(x)))
    case('qr', [T(*batch, n + 2, n)], lambda x: tuple(L.qr(x)))
    case('qr', [T(*batch, n, n + 1)], lambda x: tuple(L.qr(x)))
    # Signs of vectors are arbitrary: squares are not. Only the lower triangle is read, so PyTorch sees what we do.
    case('eigvalsh', [symmetric(n, *batch)], L.eigvalsh)
    case('svdvals', [T(*batch, n, n + 1)], L.svdvals)
    case('pinv', [T(*batch, n + 1, n)], L.pinv)
    case('pinv', [T(*batch, n, n + 2)], L.pinv)
    case('lstsq', [T(*batch, n + 2, n), T(*batch, n + 2, k)], lambda a, b: L.pinv(a) @ b, kind='composed')
    case('matrixExp', [T(*batch, n, n)], L.matrix_exp)
    case('matrixPower', [square(n, *batch), 3], L.matrix_power)
    case('matrixPower', [square(n, *batch), -2], L.matrix_power)
    case('matrixRank', [T(*batch, n, n + 1)], L.matrix_rank)
    for order in ['fro', 'nuc', 2, -2]:
        case('matrixNorm', [T(*batch, n, n + 1), order], L.matrix_norm)
    for order in [1, -1, float('inf'), float('-inf')]:
        case('matrixNorm', [T(*batch, n, n + 1), order], L.matrix_norm, second=False,
             why='the second derivative of amax reads memory that was never written')
    case('cond', [square(n, *batch)], L.cond)
    for order in ['fro', 1, float('-inf')]:
        # L.cond changes the inverse in place, which its own gradient needs.
        case('cond', [square(n, *batch), order],
             lambda x, p: L.matrix_norm(x, p) * L.matrix_norm(L.inv(x), p), kind='composed')
    for p in [1.0, 1.5, 2.0, float('inf')]:
        case('cdist', [T(*batch, n, k + 1), T(*batch, 3, k + 1), {'p': p}],
             lambda a, b, o: ((a.unsqueeze(-2) - b.unsqueeze(-3)).abs().amax(-1) if o['p'] == float('inf') else
                              (a.unsqueeze(-2) - b.unsqueeze(-3)).abs().pow(o['p']).sum(-1).pow(1 / o['p'])),
             kind='composed')
    case('pairwiseDistance', [T(*batch, n, 3), T(*batch, n, 3)], torch.nn.functional.pairwise_distance)
