"""Outputs and gradients of PyTorch's layers in float64, for test/nn/parity.test.ts.

Run by hand: python3 test/parity/layers.py > test/parity/layers.json
Parameters and inputs are sines that both sides compute; names are PyTorch's.
"""
import json
import math

import torch
from torch import nn

torch.set_num_threads(1)


def wave(shape, seed):
    count = int(torch.Size(shape).numel())
    return torch.tensor([math.sin(seed + 1.7 * i) for i in range(count)], dtype=torch.float64).reshape(shape)


def seed_of(name):
    return sum(ord(c) * (i + 1) for i, c in enumerate(name)) % 97


def run(layer, inputs, **options):
    layer = layer.double().eval()
    with torch.no_grad():
        for name, p in layer.named_parameters():
            p.copy_(0.4 * wave(p.shape, seed_of(name)) + (1 if 'norm' in name and name.endswith('weight') else 0))
    xs = [wave(shape, 10 * k).requires_grad_() for k, shape in enumerate(inputs)]
    out = layer(*xs, **options)
    out = out[0] if isinstance(out, tuple) else out
    weight = wave(out.shape, 5)
    (out * weight).sum().backward()
    names = sorted(name for name, _ in layer.named_parameters())
    grads = dict(layer.named_parameters())
    return dict(output=out.flatten().tolist(), shape=list(out.shape), inputs=[x.grad.flatten().tolist() for x in xs],
                names=names, parameters=[float((grads[n].grad * wave(grads[n].shape, 3)).sum()) for n in names])


causal = torch.triu(torch.full((4, 4), float('-inf'), dtype=torch.float64), 1)
padding = torch.tensor([[False, False, False, True], [False, False, True, True]])
encoder = lambda **o: nn.TransformerEncoderLayer(6, 2, dim_feedforward=5, **o)
decoder = lambda **o: nn.TransformerDecoderLayer(6, 2, dim_feedforward=5, **o)
four, three = (4, 2, 6), (3, 2, 6)
result = {
    'encoder layer': run(encoder(), [four]),
    'encoder layer, norm first, gelu, causal': run(encoder(norm_first=True, activation='gelu'), [four], src_mask=causal),
    'encoder layer, batch first, padded': run(encoder(batch_first=True), [(2, 4, 6)], src_key_padding_mask=padding),
    'decoder layer': run(decoder(), [three, four]),
    'decoder layer, norm first, padded': run(decoder(norm_first=True), [three, four], memory_key_padding_mask=padding),
    'encoder': run(nn.TransformerEncoder(encoder(), 2, norm=nn.LayerNorm(6)), [four]),
    'decoder': run(nn.TransformerDecoder(decoder(), 2), [three, four]),
    'transformer': run(nn.Transformer(6, 2, 1, 2, 5), [four, three]),
    'lstm, projected': run(nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2), [(3, 2, 3)]),
    'conv1d, reflect': run(nn.Conv1d(2, 3, 3, padding=2, stride=2, padding_mode='reflect'), [(2, 2, 7)]),
    'conv2d, circular, same': run(nn.Conv2d(2, 4, (3, 2), padding='same', dilation=3, groups=2, padding_mode='circular'), [(1, 2, 6, 5)]),
    'conv3d, replicate': run(nn.Conv3d(1, 2, 2, padding=1, padding_mode='replicate'), [(1, 1, 2, 3, 2)]),
}
print(json.dumps(dict(torch=torch.__version__, layers=result)))
