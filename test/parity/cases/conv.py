import torch.nn.functional as F
from parity import case, T

NAMES = {'outputPadding': 'output_padding'}


def torch_options(o):
    return {NAMES.get(k, k): tuple(v) if isinstance(v, list) else v for k, v in o.items()}


def conv(op, fn, x, w, b, o):
    case(op, [x, w, b, o], lambda x, w, b, o: fn(x, w, b, **torch_options(o)))


conv('conv1d', F.conv1d, T(2, 3, 7), T(4, 3, 3), T(4), {'stride': 2, 'padding': 1})
conv('conv1d', F.conv1d, T(1, 4, 6), T(6, 2, 4), None, {'groups': 2, 'padding': 'same'})
conv('conv1d', F.conv1d, T(2, 9), T(3, 2, 3), T(3), {'dilation': 3})
conv('conv2d', F.conv2d, T(2, 2, 5, 4), T(3, 2, 3, 2), T(3), {'stride': [2, 1], 'padding': [1, 2]})
conv('conv2d', F.conv2d, T(1, 4, 5, 5), T(4, 1, 2, 4), T(4), {'groups': 4, 'padding': 'same', 'dilation': [3, 1]})
conv('conv2d', F.conv2d, T(2, 6, 5), T(3, 2, 3, 3), None, {'padding': 'valid', 'stride': 2})
conv('conv3d', F.conv3d, T(1, 2, 4, 3, 4), T(3, 2, 3, 2, 2), T(3), {'stride': [2, 1, 2], 'padding': [2, 1, 0]})
conv('conv3d', F.conv3d, T(1, 4, 3, 3, 3), T(4, 2, 2, 2, 2), None, {'groups': 2, 'padding': 'same'})
conv('conv3d', F.conv3d, T(1, 1, 6, 5, 4), T(2, 1, 3, 2, 2), T(2), {'dilation': [2, 3, 1]})
conv('convTranspose1d', F.conv_transpose1d, T(2, 3, 4), T(3, 2, 3), T(2), {'stride': 2, 'padding': 1, 'outputPadding': 1})
conv('convTranspose1d', F.conv_transpose1d, T(1, 4, 3), T(4, 3, 2), T(6), {'groups': 2})
conv('convTranspose1d', F.conv_transpose1d, T(2, 4), T(2, 2, 3), None, {'dilation': 3, 'outputPadding': 2})
conv('convTranspose2d', F.conv_transpose2d, T(2, 2, 3, 2), T(2, 3, 3, 2), T(3), {'stride': [2, 1], 'padding': [1, 0]})
conv('convTranspose2d', F.conv_transpose2d, T(1, 3, 3, 4), T(3, 1, 3, 3), T(3), {'groups': 3, 'stride': 3, 'outputPadding': 2})
conv('convTranspose2d', F.conv_transpose2d, T(2, 3, 3), T(2, 2, 2, 2), None, {'dilation': [2, 1]})
conv('convTranspose3d', F.conv_transpose3d, T(1, 2, 2, 3, 2), T(2, 3, 2, 2, 2), T(3), {'stride': [2, 1, 2], 'padding': [1, 0, 1]})
conv('convTranspose3d', F.conv_transpose3d, T(1, 4, 2, 2, 2), T(4, 1, 2, 2, 2), None, {'groups': 2, 'stride': 2, 'outputPadding': 1})
conv('convTranspose3d', F.conv_transpose3d, T(2, 2, 2, 2), T(2, 2, 2, 2, 2), T(2), {'dilation': [3, 1, 2]})
