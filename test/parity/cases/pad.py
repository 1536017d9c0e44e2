import torch
import torch.nn.functional as F
from parity import T, case

for shape, padding, value in [((2, 3), [1, 0, 0, 2], 1.5), ((4, 5), [-1, -2, 0, 1], 0), ((2, 1, 3), [1, 1, 0, 2, 1, 0], -1)]:
    case('pad', [T(*shape), padding, {'value': value}], lambda x, padding, o: F.pad(x, padding, value=o['value']))
for mode in ['reflect', 'replicate', 'circular']:
    for shape, padding in [((2, 3, 5), [2, 1]), ((2, 2, 4, 3), [2, 1, 0, 3]), ((1, 2, 3, 3, 4), [1, 2, 2, 0, 1, 1])]:
        case('pad', [T(*shape), padding, {'mode': mode}], lambda x, padding, o: F.pad(x, padding, mode=o['mode']))
for shape, kernel, o in [((2, 3, 6, 5), [2, 3], {'stride': [2, 1], 'padding': [1, 2], 'dilation': [2, 1]}), ((1, 2, 4, 4), 3, {}), ((1, 1, 7, 7), 2, {'stride': 3})]:
    case('im2col', [T(*shape), kernel, o], lambda x, kernel, o: F.unfold(x, kernel, **o))
for shape, size, kernel, o in [((2, 12, 21), [6, 5], [2, 3], {'stride': [2, 1], 'padding': [1, 2], 'dilation': [2, 1]}), ((1, 18, 4), [4, 4], 3, {}), ((1, 4, 4), [7, 7], 2, {'stride': 3})]:
    case('col2im', [T(*shape), size, kernel, o], lambda x, size, kernel, o: F.fold(x, size, kernel, **o))
