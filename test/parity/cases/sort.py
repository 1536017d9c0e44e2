import torch
from parity import C, I, T, case, given

nan = float('nan')
for shape, axis in [((3, 5), 1), ((2, 3, 4), 0), ((7,), -1)]:
    o = {'axis': axis}
    case('sort', [T(*shape, distinct=True), o], lambda x, o: tuple(torch.sort(x, o['axis'])))
    case('sort', [T(*shape, distinct=True), {**o, 'descending': True}],
         lambda x, o: tuple(torch.sort(x, o['axis'], descending=True)))
    case('argsort', [C(*shape, distinct=True), o], lambda x, o: torch.argsort(x, o['axis']))
    case('msort', [T(*shape, distinct=True)], torch.msort)
    case('topk', [T(*shape, distinct=True), 2, o], lambda x, k, o: tuple(torch.topk(x, k, o['axis'])))
    case('topk', [T(*shape, distinct=True), 2, {**o, 'largest': False}],
         lambda x, k, o: tuple(torch.topk(x, k, o['axis'], largest=False)))
    case('kthvalue', [T(*shape, distinct=True), 2, o], lambda x, k, o: tuple(torch.kthvalue(x, k, o['axis'])))
    case('median', [T(*shape, distinct=True), o], lambda x, o: tuple(torch.median(x, o['axis'])))
    case('median', [T(*shape, distinct=True)], torch.median)
    case('nanmedian', [T(*shape, distinct=True), o], lambda x, o: tuple(torch.nanmedian(x, o['axis'])))
    case('mode', [T(*shape, distinct=True), o], lambda x, o: tuple(torch.mode(x, o['axis'])))
    for q in [0.3, [0.0, 0.25, 0.9]]:
        for name in ['quantile', 'nanquantile']:
            case(name, [T(*shape, distinct=True), q, o],
                 lambda x, q, o, f=getattr(torch, name): f(x, torch.tensor(q, dtype=x.dtype), dim=o['axis']))
for mode in ['linear', 'lower', 'higher', 'midpoint', 'nearest']:
    case('quantile', [T(4, 6, distinct=True), [0.1, 0.5, 0.7], {'axis': 1, 'interpolation': mode}],
         lambda x, q, o: torch.quantile(x, torch.tensor(q, dtype=x.dtype), dim=1, interpolation=o['interpolation']))
case('nanquantile', [given([[1.0, nan, 3], [4, 2, nan]], grad=True), 0.4, {'axis': 1}],
     lambda x, q, o: torch.nanquantile(x, q, dim=1), second=False, why='NaN among the inputs')
case('searchsorted', [given([1.0, 3, 3, 5]), C(3, 4, low=0, high=6)], torch.searchsorted)
case('searchsorted', [given([1.0, 3, 3, 5]), given([3.0, 5, 1]), {'right': True}],
     lambda s, x, o: torch.searchsorted(s, x, right=True))
case('searchsorted', [given([[1.0, 2, 3], [0, 2, 9]]), C(2, 5, low=0, high=9)], torch.searchsorted)
for right in [False, True, False]:
    case('bucketize', [I(0, 8, 4, 3), given([1, 3, 5], dtype=torch.int64), {'right': right}],
         lambda x, b, o: torch.bucketize(x, b, right=o['right']))
for k in range(3):
    case('unique', [I(0, 5, 4, 3), {'returnInverse': True, 'returnCounts': True}],
         lambda x, o: torch.unique(x, return_inverse=True, return_counts=True))
    for axis in [0, 1, -1]:
        o = {'axis': axis, 'returnInverse': True, 'returnCounts': True}
        run = lambda x, o, f: f(x, dim=o['axis'], return_inverse=True, return_counts=True)
        case('unique', [I(0, 2, 6, 2, 3), o], lambda x, o, run=run: run(x, o, torch.unique))
        case('uniqueConsecutive', [I(0, 2, 7, 2), o], lambda x, o, run=run: run(x, o, torch.unique_consecutive))
    case('uniqueConsecutive', [I(0, 2, 12), {'returnInverse': True, 'returnCounts': True}],
         lambda x, o: torch.unique_consecutive(x, return_inverse=True, return_counts=True))
    case('bincount', [I(0, 6, 10), {'minlength': 3 * k}], lambda x, o: torch.bincount(x, minlength=o['minlength']))
    case('histc', [C(20), {'bins': 5, 'min': -k, 'max': k}], lambda x, o: torch.histc(x, o['bins'], o['min'], o['max']))
