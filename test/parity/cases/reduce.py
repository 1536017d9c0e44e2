import torch
from parity import B, C, T, case, given

inf = float('inf')
dim = lambda o: dict(dim=o['axis'], keepdim=o.get('keepdim', False))

for shape, o in [((3, 5), {'axis': 1}), ((2, 3, 4), {'axis': 0, 'keepdim': True}), ((7,), {'axis': -1})]:
    for name in ['sum', 'mean', 'prod', 'nansum', 'nanmean', 'logsumexp']:
        case(name, [T(*shape), o], lambda x, o, f=getattr(torch, name): f(x, **dim(o)))
    for name in ['amax', 'amin']:
        case(name, [T(*shape, distinct=True), o], lambda x, o, f=getattr(torch, name): f(x, **dim(o)))
    for name in ['max', 'min']:
        case(name, [T(*shape, distinct=True), o], lambda x, o, f=getattr(torch, name): tuple(f(x, **dim(o))))
    for name in ['argmax', 'argmin']:
        case(name, [C(*shape, distinct=True), o], lambda x, o, f=getattr(torch, name): f(x, **dim(o)))
    case('aminmax', [T(*shape, distinct=True), o], lambda x, o: (torch.amin(x, **dim(o)), torch.amax(x, **dim(o))),
         kind='composed')
    for name in ['all', 'any']:
        case(name, [B(*shape, share=0.7), o], lambda x, o, f=getattr(torch, name): f(x, **dim(o)))
    case('countNonzero', [C(*shape), {'axis': o['axis']}], lambda x, o: torch.count_nonzero(x, o['axis']))
    for name, ours in [('var', 'variance'), ('std', 'std')]:
        case(ours, [T(*shape), o], lambda x, o, f=getattr(torch, name): f(x, unbiased=True, **dim(o)))
    for name, ours in [('var_mean', 'varMean'), ('std_mean', 'stdMean')]:
        case(ours, [T(*shape), o], lambda x, o, f=getattr(torch, name): tuple(f(x, unbiased=True, **dim(o))))
    for p in [0, 0.5, 1, 1.5, 2, 3, inf, -inf]:
        case('norm', [T(*shape, low=-1.9, distinct=True), {**o, 'p': p}], lambda x, o: torch.linalg.vector_norm(x, o['p'], **dim(o)),
             second=p != 0, why='NaN there' if p == 0 else '')
    for name in ['cummax', 'cummin']:
        case(name, [T(*shape, distinct=True), o['axis']], lambda x, axis, f=getattr(torch, name): tuple(f(x, axis)))
case('logsumexp', [T(2, 3, 4), {'axis': [0, 2]}], lambda x, o: torch.logsumexp(x, o['axis']))
case('variance', [T(3, 4), {'axis': 1, 'correction': 0}], lambda x, o: torch.var(x, o['axis'], correction=o['correction']))
case('prod', [given([[2.0, 0, 3], [0, 0.5, 0], [1.5, 2, -1]], grad=True), {'axis': 1}], lambda x, o: torch.prod(x, 1))
case('nansum', [given([1.0, float('nan'), 2])], lambda x: torch.nansum(x))
case('nanmean', [given([1.0, float('nan'), 2])], lambda x: torch.nanmean(x))
