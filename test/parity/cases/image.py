import torch
import torch.nn.functional as F
from parity import C, T, case, made

NAMES = {
    'scaleFactor': 'scale_factor', 'alignCorners': 'align_corners', 'paddingMode': 'padding_mode',
    'recomputeScaleFactor': 'recompute_scale_factor',
}


def plain(o):
    return {NAMES.get(k, k): tuple(v) if isinstance(v, list) else v for k, v in o.items()}


def resize(x, o):
    case('interpolate', [x, o], lambda x, o: F.interpolate(x, **plain(o)))


for align in [False, True]:
    resize(T(2, 2, 5), {'size': 8, 'mode': 'linear', 'alignCorners': align})
    resize(T(1, 2, 4, 5), {'size': [7, 3], 'mode': 'bilinear', 'alignCorners': align})
    resize(T(1, 2, 4, 5), {'size': [3, 9], 'mode': 'bicubic', 'alignCorners': align})
    resize(T(1, 1, 3, 2, 4), {'size': [4, 5, 3], 'mode': 'trilinear', 'alignCorners': align})
    resize(T(1, 2, 3, 3), {'scaleFactor': [1.7, 2.3], 'mode': 'bilinear', 'alignCorners': align})
    resize(T(1, 1, 3, 3), {'size': 1, 'mode': 'bicubic', 'alignCorners': align})
for mode in ['bilinear', 'bicubic']:
    for align in [False, True]:
        resize(T(1, 2, 9, 7), {'size': [4, 3], 'mode': mode, 'alignCorners': align, 'antialias': True})
        resize(T(1, 1, 4, 11), {'size': [7, 2], 'mode': mode, 'alignCorners': align, 'antialias': True})
    resize(T(1, 2, 9, 7), {'scaleFactor': [0.4, 0.6], 'mode': mode, 'antialias': True})
resize(T(1, 2, 4, 5), {'scaleFactor': 1.3, 'mode': 'bicubic'})
resize(T(1, 2, 4, 5), {'scaleFactor': 1.3, 'mode': 'bilinear', 'recomputeScaleFactor': True})
for shape in [(2, 1, 5), (1, 2, 4, 5), (1, 1, 3, 4, 2)]:
    for mode in ['nearest', 'nearest-exact', 'area']:
        resize(T(*shape), {'size': [7, 3, 5][:len(shape) - 2], 'mode': mode})
    resize(T(*shape), {'scaleFactor': 1.7, 'mode': 'nearest'})

why = 'PyTorch has no derivative of grid_sampler_backward'
for mode in ['bilinear', 'nearest', 'bicubic']:
    for padding in ['zeros', 'border', 'reflection']:
        for align in [False, True]:
            case('gridSample', [T(2, 2, 4, 5), T(2, 2, 3, 2, low=-1.4, high=1.4),
                                {'mode': mode, 'paddingMode': padding, 'alignCorners': align}],
                 lambda x, g, o: F.grid_sample(x, g, **plain(o)), second=False, why=why)
for mode, padding in [('bilinear', 'zeros'), ('bilinear', 'reflection'), ('nearest', 'border')]:
    case('gridSample', [T(1, 2, 2, 3, 4), T(1, 2, 1, 3, 3, low=-1.4, high=1.4),
                        {'mode': mode, 'paddingMode': padding, 'alignCorners': False}],
         lambda x, g, o: F.grid_sample(x, g, **plain(o)), second=False, why=why)

for theta, size, o in [
    (T(2, 2, 3), [2, 1, 3, 4], {'alignCorners': False}),
    (T(1, 2, 3), [1, 2, 2, 3], {'alignCorners': True}),
    (T(1, 3, 4), [1, 1, 2, 3, 2], {'alignCorners': False}),
]:
    case('affineGrid', [theta, size, o], lambda t, s, o: F.affine_grid(t, s, **plain(o)))

for x, r in [(T(2, 8, 2, 3), 2), (T(9, 1, 2), 3), (T(1, 2, 4, 2, 2), 2)]:
    case('pixelShuffle', [x, r], F.pixel_shuffle)
for x, r in [(T(2, 2, 4, 6), 2), (T(1, 3, 6), 3), (T(1, 2, 1, 2, 2), 2)]:
    case('pixelUnshuffle', [x, r], F.pixel_unshuffle)
for x, g in [(T(2, 6, 2, 2), 3), (T(1, 4, 3), 2), (T(1, 6, 1, 2, 1), 2)]:
    # torch.channel_shuffle of this version is not differentiable.
    case('channelShuffle', [x, g], lambda x, g: x.unflatten(1, (g, -1)).transpose(1, 2).flatten(1, 2), kind='composed')


def boxes(n):
    def make():
        low = torch.rand(n, 2, dtype=torch.float64)
        return torch.cat([low, low + 0.3 + torch.rand(n, 2, dtype=torch.float64)], 1)
    return made(make)


def iou(a, b):
    area = lambda t: (t[:, 2] - t[:, 0]) * (t[:, 3] - t[:, 1])
    sides = (torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2])).clamp(min=0)
    shared = sides[..., 0] * sides[..., 1]
    return shared / (area(a)[:, None] + area(b) - shared)


def suppress(each, scores, threshold, o):
    overlap, kept = iou(each, each), []
    for i in scores.argsort(descending=True).tolist():
        if all(overlap[k, i].item() <= threshold for k in kept):
            kept.append(i)
    return torch.tensor((kept + [o['fill']] * o['size'])[:o['size']])


for n, m in [(4, 3), (1, 5), (3, 3)]:
    case('boxIou', [boxes(n), boxes(m)], iou, kind='composed')
for n, threshold in [(6, 0.1), (12, 0.3), (12, 0.6)]:
    case('nms', [made(boxes(n).make, grad=False), C(n, distinct=True), threshold, {'size': 8, 'fill': -1}], suppress, kind='composed')
