import torch
import torch.nn.functional as F
from parity import C, I, T, case, given

inf = float('inf')

def options(o):
    return {k: v for k, v in o.items()}

for args in [[T(3, 5)], [T(6)], [T(2, 7), {'correction': 0}], [T(3, 4), {'fweights': I(1, 4, 4)}],
             [T(3, 4), {'aweights': T(4, low=0.2), 'fweights': I(1, 3, 4)}]]:
    case('cov', args, lambda x, o={}: torch.cov(x, **o))
for shape in [(3, 5), (2, 8), (6,)]:
    # Of the triangle below the diagonal: there the clamp to [-1, 1] never decides.
    case('corrcoef', [C(*shape)], torch.corrcoef)
    case('isin', [I(0, 9, *shape), I(0, 9, 4)], torch.isin)
    case('isin', [I(0, 9, *shape), I(0, 9, 4), {'invert': True}], lambda x, s, o: torch.isin(x, s, invert=True))
    case('histogram', [C(*shape), {'bins': 4, 'range': [-1, 1]}],
         lambda x, o: tuple(torch.histogram(x, o['bins'], range=tuple(o['range']))))
    case('histogram', [C(*shape), {'bins': 3, 'density': True, 'weight': C(*shape, low=0)}],
         lambda x, o: tuple(torch.histogram(x, o['bins'], density=True, weight=o['weight'])))
    case('histogram', [C(*shape), {'bins': given([-1.5, -0.2, 0.4, 1.9])}], lambda x, o: tuple(torch.histogram(x, o['bins'])))
    case('cumulativeTrapezoid', [T(*shape), {'dx': 0.5}], lambda x, o: torch.cumulative_trapezoid(x, dx=o['dx']))
case('cumulativeTrapezoid', [T(3, 5), {'x': T(5)}], lambda x, o: torch.cumulative_trapezoid(x, o['x']))
for args in [[T(5)], [T(4), 3], [T(4), 2, {'withReplacement': True}], [T(3), 3, {'withReplacement': True}]]:
    case('combinations', args, lambda x, r=2, o={}: torch.combinations(x, r, o.get('withReplacement', False)))
for p in [1.0, 2.0, 3.0, inf]:
    case('pdist', [T(4, 3), {'p': p}], lambda x, o: torch.pdist(x, o['p']), second=False, why='none there')
    case('dist', [T(2, 3), T(2, 3), p], torch.dist)
    case('renorm', [T(3, 4), p, 0, 1.5], torch.renorm)
case('renorm', [T(2, 3, 2), 2.0, 1, 1.0], torch.renorm)
for args in [[T(3, 2), T(3, 4), T(5, 2, 4), T(5)], [T(2, 2, 3), T(2, 2, 2), T(1, 3, 2)], [T(3), T(2), T(4, 3, 2), T(4)]]:
    case('bilinear', args, lambda a, b, w, bias=None: F.bilinear(a, b, w, bias))
for shapes in [[(2, 3), (2,), (1, 1)], [(2, 2)], [(1, 3), (3, 1)]]:
    case('blockDiag', [[T(*s) for s in shapes]], lambda list: torch.block_diag(*list))
for n in [2, 3, 4]:
    case('logdet', [T(n, n)], torch.logdet)
    case('mvlgamma', [T(3, 4, low=2, high=8), n], torch.mvlgamma)
    case('softmin', [T(3, n), {'axis': 1}], lambda x, o: F.softmin(x, o['axis']))
    case('rsub', [T(3, n), T(n), {'alpha': 2}], lambda a, b, o: torch.rsub(a, b, alpha=o['alpha']))
    case('lpPool3d', [T(1, n, 4, 4, 5, low=0.5), 2, 2], lambda x, p, k: F.avg_pool3d(x ** p, k).mul(k ** 3) ** (1 / p), kind='composed')
    o = {'outputSize': [4, n], 'randomSamples': C(2, 3, 2, low=0, high=1), 'returnIndices': True}
    case('fractionalMaxPool2d', [T(2, 3, 8, 7, distinct=True), 2, o],
         lambda x, k, o: tuple(F.fractional_max_pool2d(x, k, tuple(o['outputSize']), None, True, o['randomSamples'])),
         second=False, why='none there')
    o = {'outputSize': [2, 4, n], 'randomSamples': C(1, 2, 3, low=0, high=1), 'returnIndices': True}
    case('fractionalMaxPool3d', [T(1, 2, 5, 6, 7, distinct=True), 2, o],
         lambda x, k, o: tuple(F.fractional_max_pool3d(x, k, tuple(o['outputSize']), None, True, o['randomSamples'])),
         second=False, why='none there')
for reduction in ['mean', 'sum', 'none']:
    labels = given([[3, 0, -1, 1], [2, -1, -1, -1], [0, 1, 2, 3]], dtype=torch.int64)
    case('multilabelMarginLoss', [T(3, 4), labels, {'reduction': reduction}],
         lambda x, t, o: F.multilabel_margin_loss(x, t, reduction=o['reduction']), second=False, why='none there')
    o = {'reduction': reduction, 'margin': 2, 'swap': reduction == 'sum'}
    case('tripletMarginWithDistanceLoss', [T(4, 3), T(4, 3), T(4, 3), o],
         lambda a, b, c, o: F.triplet_margin_with_distance_loss(a, b, c, margin=o['margin'], swap=o['swap'], reduction=o['reduction']))
