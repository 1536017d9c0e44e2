import torch
import torch.nn.functional as F
from parity import I, T, case, given


def attention(q, k, v, o=None):
    """torch.nn.functional.scaled_dot_product_attention came with PyTorch 2.0: this is what its documentation says."""
    o = o or {}
    heads, rows, keys = q.shape[-3] if q.dim() > 2 else 1, q.shape[-2], k.shape[-2]
    if o.get('enableGqa'):
        k = k.repeat_interleave(heads // k.shape[-3], -3)
        v = v.repeat_interleave(heads // v.shape[-3], -3)
    scores = q @ k.transpose(-2, -1) * o.get('scale', q.shape[-1] ** -0.5)
    offset = torch.arange(keys) - torch.arange(rows)[:, None]
    if 'alibi' in o:
        scores = scores - o['alibi'][:, None, None] * offset.abs()
    left, right = o.get('window', [-1, -1])
    hidden = torch.zeros(rows, keys, dtype=torch.bool)
    if o.get('isCausal'):
        hidden = hidden | (offset > 0)
    if left >= 0:
        hidden = hidden | (-offset > left)
    if right >= 0:
        hidden = hidden | (offset > right)
    mask = o.get('mask')
    if mask is not None:
        if mask.dtype == torch.bool:
            hidden = hidden | ~mask
        else:
            scores = scores + mask
    return scores.masked_fill(hidden, -torch.inf).softmax(-1) @ v


def attend(q, k, v, o=None):
    case('scaledDotProductAttention', [q, k, v] + ([o] if o else []), attention, kind='composed')


seen = given([[1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 1, 1]], torch.bool)
attend(T(3, 4), T(5, 4), T(5, 2))
attend(T(2, 3, 2), T(2, 4, 2), T(2, 4, 3), {'mask': T(3, 4), 'scale': 0.9})
attend(T(2, 2, 3, 2), T(2, 4, 2), T(1, 1, 4, 3), {'mask': seen})
attend(T(1, 4, 5, 2), T(1, 2, 5, 2), T(1, 2, 5, 3), {'enableGqa': True, 'isCausal': True})
attend(T(2, 5, 3), T(2, 5, 3), T(2, 5, 3), {'window': [1, 2], 'alibi': T(2)})

for shape, rows, width, o in [((2, 3), 4, 3, {}), ((5,), 3, 2, {'paddingIdx': 1}), ((2, 2, 3), 5, 2, {'scaleGradByFreq': True})]:
    case('embedding', [I(0, rows, *shape), T(rows, width), o],
         lambda i, w, o: F.embedding(i, w, padding_idx=o.get('paddingIdx'), scale_grad_by_freq=o.get('scaleGradByFreq', False)))


def bag(i, w, o):
    starts = torch.tensor(o['offsets']) if 'offsets' in o else None
    return F.embedding_bag(i, w, starts, mode=o.get('mode', 'mean'), per_sample_weights=o.get('perSampleWeights'), padding_idx=o.get('paddingIdx'))


# PyTorch 1.13 does not differentiate embedding_bag's gradient.
for i, o in [
    (I(0, 5, 7), {'offsets': [0, 2, 2, 5]}),
    (I(0, 5, 7), {'offsets': [0, 3], 'mode': 'max'}),
    (I(0, 5, 6), {'offsets': [0, 1, 4], 'mode': 'sum', 'perSampleWeights': T(6)}),
    (I(0, 5, 3, 4), {'mode': 'sum'}),
    (I(0, 5, 8), {'offsets': [0, 4], 'paddingIdx': 2}),
]:
    case('embeddingBag', [i, T(5, 3, distinct=True), o], bag, second=False)


def rope(x, o=None):
    o = o or {}
    half = x.shape[-1] // 2
    at = o.get('positions', torch.arange(x.shape[-2]))
    angle = at[..., None].double() * o.get('base', 10000.0) ** (-torch.arange(half).double() / half)
    a, b = (x[..., 0::2], x[..., 1::2]) if o.get('interleaved') else (x[..., :half], x[..., half:])
    c, d = a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()
    return torch.stack([c, d], -1).flatten(-2) if o.get('interleaved') else torch.cat([c, d], -1)


case('rope', [T(2, 3, 6)], rope, kind='composed')
case('rope', [T(4, 4), {'interleaved': True, 'base': 500}], rope, kind='composed')
case('rope', [T(2, 3, 2), {'positions': I(0, 50, 2, 3)}], rope, kind='composed')


def sinusoidal(count, size):
    angle = torch.arange(count)[:, None] * 10000.0 ** (-torch.arange(0, size, 2).double() / size)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


for count, size in [(3, 4), (1, 2), (5, 6)]:
    case('sinusoidalPositions', [count, size, {'dtype': 'float64'}], lambda n, d, o: sinusoidal(n, d), kind='composed')


def weights(gates, features, hidden, layers=1, ways=1, bias=True):
    sets = []
    for layer in range(layers):
        for _ in range(ways):
            own = {'inputWeight': T(gates * hidden, ways * hidden if layer else features, low=-1, high=1), 'hiddenWeight': T(gates * hidden, hidden, low=-1, high=1)}
            if bias:
                own |= {'inputBias': T(gates * hidden), 'hiddenBias': T(gates * hidden)}
            sets.append(own)
    return sets


def recurrent(name, run):
    """Two layers both ways, one without biases, one with the batch first."""
    gates = {'rnn': 1, 'gru': 3, 'lstm': 4}[name]

    def states(*shape):
        return {'hidden': T(*shape)} | ({'cell': T(*shape)} if name == 'lstm' else {})

    def fn(x, w, o):
        flat = [t for each in w for t in each.values()]
        first = (o['hidden'], o['cell']) if name == 'lstm' else o['hidden']
        two, batch_first = o.get('bidirectional', False), o.get('batchFirst', False)
        return run(x, first, flat, 'inputBias' in w[0], len(w) // (2 if two else 1), 0.0, False, two, batch_first)

    case(name, [T(3, 2, 2), weights(gates, 2, 2, 2, 2), {'bidirectional': True} | states(4, 2, 2)], fn)
    case(name, [T(4, 1, 3), weights(gates, 3, 2, bias=False), states(1, 1, 2)], fn)
    case(name, [T(2, 3, 2), weights(gates, 2, 3), {'batchFirst': True} | states(1, 2, 3)], fn)


recurrent('rnn', torch._VF.rnn_tanh)
recurrent('gru', torch._VF.gru)
recurrent('lstm', torch._VF.lstm)

for ways, layers in [(1, 1), (2, 2), (1, 2)]:
    sets = [{'inputWeight': T(12, 2 if at < ways else 2 * ways), 'hiddenWeight': T(12, 2), 'inputBias': T(12), 'hiddenBias': T(12),
             'projection': T(2, 3)} for at in range(ways * layers)]
    case('lstm', [T(3, 2, 2), sets, {'bidirectional': ways == 2, 'hidden': T(ways * layers, 2, 2), 'cell': T(ways * layers, 2, 3)}],
         lambda x, w, o, n=layers: torch._VF.lstm(x, (o['hidden'], o['cell']), [t for each in w for t in each.values()], True, n, 0.0,
                                                  False, o['bidirectional'], False))

for batch, features, hidden in [(2, 3, 2), (1, 1, 3), (3, 2, 1)]:
    case('rnnCell', [T(batch, features), T(batch, hidden), weights(1, features, hidden)[0]], lambda x, h, w: torch.rnn_tanh_cell(x, h, *w.values()))
    case('gruCell', [T(batch, features), T(batch, hidden), weights(3, features, hidden)[0]], lambda x, h, w: torch.gru_cell(x, h, *w.values()))
    case('lstmCell', [T(batch, features), [T(batch, hidden), T(batch, hidden)], weights(4, features, hidden)[0]], lambda x, s, w: torch.lstm_cell(x, tuple(s), *w.values()))
