"""Ten steps of PyTorch's optimizers in float64, for test/optim/parity.test.ts.

Run by hand: python3 test/parity/optim.py > test/parity/optim.json
"""
import json
import math

import torch

SIZES = [3, 5]
STEPS = 10


def start(k, i):
    return math.sin(3 * k + i) * 2


def gradient(k, i, step):
    return math.cos(k + 0.7 * i + 1.3 * step) * 10.0 ** ((i % 5) - 2)


def options(**given):
    """Ours in PyTorch's spelling."""
    names = {'weightDecay': 'weight_decay', 'lrDecay': 'lr_decay', 'momentumDecay': 'momentum_decay',
             'initialAccumulatorValue': 'initial_accumulator_value'}
    result = {names.get(name, name): value for name, value in given.items() if name not in ('beta1', 'beta2')}
    if 'beta1' in given:
        result['betas'] = (given['beta1'], given['beta2'])
    return result


class NAdam:
    """PyTorch 1.13 counts one momentum twice in its look-ahead and rounds their product to float32, both mended in 2.0:
    here is 2.0's step."""

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3):
        self.params, self.lr, self.betas, self.eps = params, lr, betas, eps
        self.weight_decay, self.momentum_decay, self.t, self.product = weight_decay, momentum_decay, 0, 1.0
        self.moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in params]

    def step(self):
        self.t += 1
        beta1, beta2 = self.betas
        now, ahead = (beta1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay)) for t in (self.t, self.t + 1))
        self.product *= now
        for p, (m, v) in zip(self.params, self.moments):
            g = p.grad.add(p, alpha=self.weight_decay)
            m.mul_(beta1).add_(g, alpha=1 - beta1)
            v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
            root = v.div(1 - beta2 ** self.t).sqrt().add_(self.eps)
            p.addcdiv_(g, root, value=-self.lr * (1 - now) / (1 - self.product))
            p.addcdiv_(m, root, value=-self.lr * ahead / (1 - self.product * ahead))


CASES = [
    ('SGD', {'lr': 0.05, 'momentum': 0.9, 'nesterov': True, 'weightDecay': 0.01}),
    ('SGD', {'lr': 0.05, 'momentum': 0.9, 'dampening': 0.3, 'maximize': True}),
    ('Adam', {'lr': 0.02, 'weightDecay': 0.1}),
    ('Adam', {'lr': 0.02, 'amsgrad': True, 'beta1': 0.8, 'beta2': 0.9}),
    ('AdamW', {'lr': 0.02, 'amsgrad': True, 'weightDecay': 0.1, 'maximize': True}),
    ('Adamax', {}),
    ('Adamax', {'lr': 0.02, 'beta1': 0.8, 'beta2': 0.95, 'eps': 1e-6, 'weightDecay': 0.1}),
    ('NAdam', {}),
    ('NAdam', {'lr': 0.02, 'beta1': 0.8, 'beta2': 0.95, 'weightDecay': 0.1, 'momentumDecay': 0.1}),
    ('RAdam', {'lr': 0.02}),
    ('RAdam', {'lr': 0.02, 'beta1': 0.8, 'beta2': 0.95, 'weightDecay': 0.1}),
    ('RMSprop', {}),
    ('RMSprop', {'lr': 0.02, 'alpha': 0.9, 'centered': True, 'weightDecay': 0.1}),
    ('RMSprop', {'lr': 0.02, 'alpha': 0.9, 'centered': True, 'momentum': 0.8, 'eps': 1e-4}),
    ('Adagrad', {'lr': 0.1}),
    ('Adagrad', {'lr': 0.1, 'lrDecay': 0.2, 'weightDecay': 0.1, 'initialAccumulatorValue': 0.3}),
    ('Adadelta', {}),
    ('Adadelta', {'lr': 0.5, 'rho': 0.8, 'eps': 1e-4, 'weightDecay': 0.1}),
]


def run(name, given):
    params = [torch.tensor([start(k, i) for i in range(n)], dtype=torch.float64) for k, n in enumerate(SIZES)]
    kind = NAdam if name == 'NAdam' else getattr(torch.optim, name)
    optimizer = kind(params, **options(**given))
    for step in range(STEPS):
        for k, p in enumerate(params):
            p.grad = torch.tensor([gradient(k, i, step) for i in range(len(p))], dtype=torch.float64)
        optimizer.step()
    return {'name': name, 'options': given, 'values': [p.tolist() for p in params]}


cases = ',\n    '.join(json.dumps(run(*case)) for case in CASES)
print(f'{{\n  "torch": "{torch.__version__}",\n  "sizes": {SIZES},\n  "steps": {STEPS},\n  "cases": [\n    {cases}\n  ]\n}}')
