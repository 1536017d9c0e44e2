import torch
import torch.nn.functional as F
from parity import C, T, case

NAMES = {
    'ceilMode': 'ceil_mode', 'countIncludePad': 'count_include_pad', 'divisorOverride': 'divisor_override',
    'returnIndices': 'return_indices', 'outputSize': 'output_size',
}
SHAPES = {1: (7,), 2: (6, 5), 3: (4, 5, 4)}


def plain(o):
    return {NAMES.get(k, k): tuple(v) if isinstance(v, list) else v for k, v in o.items()}


def size(s):
    return tuple(s) if isinstance(s, list) else s


def pool(op, fn, x, s, o):
    case(op, [x, s, o], lambda x, s, o: fn(x, size(s), **plain(o)))


for rank, maximum, average in [
    (1, F.max_pool1d, F.avg_pool1d), (2, F.max_pool2d, F.avg_pool2d), (3, F.max_pool3d, F.avg_pool3d)
]:
    shape = SHAPES[rank]
    pool(f'maxPool{rank}d', maximum, T(2, 2, *shape, distinct=True), 2, {'returnIndices': True})
    pool(f'maxPool{rank}d', maximum, T(1, 2, *shape, distinct=True), 3, {'stride': 2, 'padding': 1, 'ceilMode': True})
    pool(f'maxPool{rank}d', maximum, T(2, *shape, distinct=True), 2, {'stride': 1, 'dilation': 2})
    pool(f'maxPool{rank}d', maximum, T(1, 1, *shape, distinct=True), 2, {'stride': 1, 'dilation': 2, 'returnIndices': True})
    pool(f'avgPool{rank}d', average, T(2, 2, *shape), 2, {})
    pool(f'avgPool{rank}d', average, T(1, 2, *shape), 3, {'stride': 2, 'padding': 1, 'ceilMode': True})
    pool(f'avgPool{rank}d', average, T(2, *shape), 3, {'stride': 2, 'padding': 1, 'countIncludePad': False})
    if rank > 1:
        pool(f'avgPool{rank}d', average, T(1, 1, *shape), 2, {'stride': 1, 'divisorOverride': 3})

for rank, fn in [(1, F.lp_pool1d), (2, F.lp_pool2d)]:
    for norm, s, o in [(2, 2, {}), (3, 3, {'stride': 2}), (1.5, 2, {'stride': 3, 'ceilMode': True})]:
        case(f'lpPool{rank}d', [T(2, 2, *SHAPES[rank], low=0.5), norm, s, o],
             lambda x, p, s, o, fn=fn: fn(x, p, size(s), **plain(o)))

for rank, average, maximum in [
    (1, F.adaptive_avg_pool1d, F.adaptive_max_pool1d),
    (2, F.adaptive_avg_pool2d, F.adaptive_max_pool2d),
    (3, F.adaptive_avg_pool3d, F.adaptive_max_pool3d),
]:
    shape = SHAPES[rank]
    for s in [3, 1, [2, 5, 3][:rank]]:
        case(f'adaptiveAvgPool{rank}d', [T(2, 2, *shape), s], lambda x, s, fn=average: fn(x, size(s)))
        case(f'adaptiveMaxPool{rank}d', [T(2, 2, *shape, distinct=True), s], lambda x, s, fn=maximum: fn(x, size(s)))
    case(f'adaptiveMaxPool{rank}d', [T(2, *shape, distinct=True), 2, {'returnIndices': True}],
         lambda x, s, o, fn=maximum: fn(x, s, return_indices=True))


class Places:
    """Distinct places in an image for each channel."""

    def __new__(cls, lead, count, whole):
        from parity import made
        rows = int(torch.Size(lead).numel())
        flat = lambda: torch.stack([torch.randperm(whole)[:int(torch.Size(count).numel())] for _ in range(rows)])
        return made(lambda: flat().reshape(*lead, *count), grad=False)


for rank, fn in [(1, F.max_unpool1d), (2, F.max_unpool2d), (3, F.max_unpool3d)]:
    own = (3, 2, 2)[:rank]
    for lead, s, o, out in [
        ((2, 2), 2, {}, [2 * n for n in own]),
        ((1, 2), 3, {'stride': 2, 'padding': 1}, [2 * n - 1 for n in own]),
        ((2, 1), 2, {'outputSize': [2 * n + 1 for n in own]}, [2 * n + 1 for n in own]),
    ]:
        whole = int(torch.Size(out).numel())
        case(f'maxUnpool{rank}d', [T(*lead, *own), Places(lead, own, whole), s, o],
             lambda x, i, s, o, fn=fn: fn(x, i, s, **plain(o)))
