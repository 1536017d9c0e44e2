import torch
import torch.nn.functional as F
from parity import C, I, T, case, made

share = lambda *shape: T(*shape, low=0.05, high=0.95)
signs = lambda *shape: made(lambda: torch.randint(0, 2, shape).to(torch.float64) * 2 - 1, grad=False)
reductions = ['mean', 'sum', 'none']


def with_each(op, make, fn, options=None, **more):
    """Three cases, one for each reduction."""
    for reduction in reductions:
        case(op, [*make(), {'reduction': reduction, **(options or {})}], fn, **more)


with_each('mseLoss', lambda: [T(3, 4), T(3, 4)], lambda x, t, o: F.mse_loss(x, t, **o))
with_each('l1Loss', lambda: [T(3, 4), T(3, 4)], lambda x, t, o: F.l1_loss(x, t, **o))
with_each('smoothL1Loss', lambda: [T(3, 4), T(3, 4)], lambda x, t, o: F.smooth_l1_loss(x, t, **o), {'beta': 0.7})
with_each('huberLoss', lambda: [T(3, 4), T(3, 4)], lambda x, t, o: F.huber_loss(x, t, **o), {'delta': 0.6})
with_each('klDiv', lambda: [T(3, 4), share(3, 4)], lambda x, t, o: F.kl_div(x, t, **o))
case('klDiv', [T(3, 4), T(3, 4), {'reduction': 'batchmean', 'logTarget': True}],
     lambda x, t, o: F.kl_div(x, t, reduction='batchmean', log_target=True))
with_each('poissonNllLoss', lambda: [T(3, 4), C(3, 4, low=0, high=4)],
          lambda x, t, o: F.poisson_nll_loss(x, t, full=True, reduction=o['reduction']), {'full': True})
with_each('gaussianNllLoss', lambda: [T(3, 4), T(3, 4), T(3, 4, low=0.2, high=2)],
          lambda x, t, v, o: F.gaussian_nll_loss(x, t, v, **o))
with_each('binaryCrossEntropy', lambda: [share(3, 4), C(3, 4, low=0, high=1)],
          lambda x, t, o: F.binary_cross_entropy(x, t, **o))
with_each('binaryCrossEntropyWithLogits', lambda: [T(3, 4), C(3, 4, low=0, high=1)],
          lambda x, t, o: F.binary_cross_entropy_with_logits(x, t, **o))
case('binaryCrossEntropyWithLogits', [T(3, 4), C(3, 4, low=0, high=1), {'posWeight': C(4, low=0.5, high=3), 'weight': C(3, 1, low=0, high=1)}],
     lambda x, t, o: F.binary_cross_entropy_with_logits(x, t, pos_weight=o['posWeight'], weight=o['weight']))


def focal(x, t, o):
    p = torch.sigmoid(x)
    losses = F.binary_cross_entropy_with_logits(x, t, reduction='none') * (1 - (p * t + (1 - p) * (1 - t))) ** 2
    losses = losses * (0.25 * t + 0.75 * (1 - t))
    return losses if o['reduction'] == 'none' else getattr(losses, o['reduction'])()


with_each('focalLoss', lambda: [T(3, 4), C(3, 4, low=0, high=1)], focal, kind='composed')


def dice(p, t, o):
    losses = 1 - (2 * (p * t).flatten(1).sum(1) + 1) / (p.flatten(1).sum(1) + t.flatten(1).sum(1) + 1)
    return losses if o['reduction'] == 'none' else getattr(losses, o['reduction'])()


with_each('diceLoss', lambda: [share(3, 4, 2), share(3, 4, 2)], dice, kind='composed')
with_each('softMarginLoss', lambda: [T(3, 4), signs(3, 4)], lambda x, t, o: F.soft_margin_loss(x, t, **o))
with_each('hingeEmbeddingLoss', lambda: [T(3, 4), signs(3, 4)], lambda x, t, o: F.hinge_embedding_loss(x, t, **o), {'margin': 0.8})
with_each('marginRankingLoss', lambda: [T(5), T(5), signs(5)], lambda a, b, t, o: F.margin_ranking_loss(a, b, t, **o), {'margin': 0.3})
with_each('multiMarginLoss', lambda: [T(4, 5), I(0, 5, 4)], lambda x, y, o: F.multi_margin_loss(x, y, **o), {'margin': 0.7},
          second=False, why='multi_margin_loss_backward has no derivative there')
with_each('multilabelSoftMarginLoss', lambda: [T(4, 5), C(4, 5, low=0, high=1)],
          lambda x, t, o: F.multilabel_soft_margin_loss(x, t, **o))
with_each('tripletMarginLoss', lambda: [T(4, 5), T(4, 5), T(4, 5)],
          lambda a, p, n, o: F.triplet_margin_loss(a, p, n, **o), {'margin': 1.7, 'swap': True})
with_each('cosineEmbeddingLoss', lambda: [T(4, 5), T(4, 5), signs(4)],
          lambda a, b, t, o: F.cosine_embedding_loss(a, b, t, **o), {'margin': 0.1})


def classes(op, fn):
    with_each(op, lambda: [T(6, 4), I(0, 4, 6)], lambda x, y, o: fn(x, y, **o))
    case(op, [T(6, 4), I(0, 4, 6), {'weight': C(4, low=0.2, high=2), 'ignoreIndex': 2}],
         lambda x, y, o: fn(x, y, weight=o['weight'], ignore_index=2))
    case(op, [T(2, 3, 2, 2), I(0, 3, 2, 2, 2), {'weight': C(3, low=0.2, high=2), 'reduction': 'none'}],
         lambda x, y, o: fn(x, y, weight=o['weight'], reduction='none'))


classes('nllLoss', F.nll_loss)
classes('crossEntropy', F.cross_entropy)
case('crossEntropy', [T(6, 4), I(0, 4, 6), {'weight': C(4, low=0.2, high=2), 'labelSmoothing': 0.2, 'ignoreIndex': 1}],
     lambda x, y, o: F.cross_entropy(x, y, weight=o['weight'], label_smoothing=0.2, ignore_index=1))
case('crossEntropy', [T(2, 3, 4), T(2, 3, 4, low=0, high=1), {'labelSmoothing': 0.1}],
     lambda x, p, o: F.cross_entropy(x, p, label_smoothing=0.1))

for reduction in reductions:
    case('linearCrossEntropy', [T(5, 3), T(4, 3), I(0, 4, 5), {'bias': T(4), 'chunkRows': 2, 'reduction': reduction}],
         lambda x, w, y, o: F.cross_entropy(F.linear(x, w, o['bias']), y, reduction=o['reduction']), kind='composed')

# Values only: PyTorch's gradient of ctc_loss is that of log_softmax followed by it, whatever the input.
logs = lambda *shape: made(lambda: F.log_softmax(torch.rand(shape, dtype=torch.float64) * 3, -1), grad=False)
for reduction in reductions:
    case('ctcLoss', [logs(8, 3, 4), I(1, 4, 3, 3), [8, 7, 6], [3, 2, 1], {'reduction': reduction}],
         lambda x, y, n, m, o: F.ctc_loss(x, y, torch.tensor(n), torch.tensor(m), reduction=o['reduction']))
