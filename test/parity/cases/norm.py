import torch
import torch.nn.functional as F
from parity import C, T, case, made

for shape, sizes in [((4, 6), [6]), ((2, 3, 4), [3, 4]), ((2, 5), [5])]:
    case('layerNorm', [T(*shape), sizes, {'weight': T(*sizes), 'bias': T(*sizes), 'eps': 1e-3}],
         lambda x, sizes, o: F.layer_norm(x, sizes, o['weight'], o['bias'], 1e-3))
    case('rmsNorm', [T(*shape), sizes, {'weight': T(*sizes), 'eps': 1e-3}],
         lambda x, sizes, o: x * torch.rsqrt(x.square().mean([-i - 1 for i in range(len(sizes))], keepdim=True) + 1e-3) * o['weight'],
         kind='composed')
for shape, groups in [((2, 4, 3), 2), ((3, 6), 3), ((2, 4, 2, 2), 1)]:
    case('groupNorm', [T(*shape), groups, {'weight': T(shape[1]), 'bias': T(shape[1])}],
         lambda x, g, o: F.group_norm(x, g, o['weight'], o['bias']))
for shape in [(2, 3, 4), (3, 2, 2, 2), (2, 2, 5)]:
    case('instanceNorm', [T(*shape), {'weight': T(shape[1]), 'bias': T(shape[1])}],
         lambda x, o: F.instance_norm(x, weight=o['weight'], bias=o['bias']))
    case('batchNorm', [T(*shape), {'weight': T(shape[1]), 'bias': T(shape[1]), 'training': True}],
         lambda x, o: F.batch_norm(x, None, None, o['weight'], o['bias'], training=True))
for size in [1, 2, 3]:
    case('localResponseNorm', [T(2, 5, 3), size, {'alpha': 0.5, 'beta': 0.6, 'k': 1.5}],
         lambda x, n, o: F.local_response_norm(x, n, **o))
for p, axis in [(2, 1), (1, 0), (3, -1)]:
    case('normalize', [T(3, 4), {'p': p, 'axis': axis}], lambda x, o: F.normalize(x, p=o['p'], dim=o['axis']))
for axis in [0, 1, -1]:
    case('cosineSimilarity', [T(3, 4), T(3, 4), {'axis': axis}], lambda a, b, o: F.cosine_similarity(a, b, dim=o['axis']))
for axis in [0, 1, -1]:
    case('weightNorm', [T(3, 4), T(4 if axis else 3), axis],
         lambda v, g, axis: v * (g.unsqueeze(1) if axis == 0 else g) / v.norm(dim=1 if axis == 0 else 0, keepdim=True), kind='composed')
for rows in [2, 3, 4]:
    case('spectralNorm', [T(rows, 3), C(rows), C(3), {'iterations': 0}], lambda w, u, v, o: w / (u @ w @ v), kind='composed')
