"""What the case files of test/parity/cases speak: inputs, and case()."""
import torch

weight = lambda k: ((k * 7919) % 13) / 6.5 - 0.9      # as test/support/check-op.ts weighs results
direction = lambda k: ((k * 104729 + 3) % 11) / 5.5 - 0.9


class Input:
    """A tensor argument; its values come from the case's own seed."""

    def __init__(self, make, grad):
        self.make = make
        self.grad = grad


def _floats(shape, low, high, distinct):
    count = int(torch.Size(shape).numel())
    if not distinct:
        return low + (high - low) * torch.rand(shape, dtype=torch.float64)
    # Apart by more than finite differences and sorting can confuse.
    steps = torch.randperm(count).to(torch.float64) + 0.5
    return (low + (high - low) * steps / max(count, 1)).reshape(shape)


def T(*shape, low=-2, high=2, distinct=False):
    """float64 in [low, high), gets gradients."""
    return Input(lambda: _floats(shape, low, high, distinct), True)


def C(*shape, low=-2, high=2, distinct=False):
    """float64 in [low, high), a constant."""
    return Input(lambda: _floats(shape, low, high, distinct), False)


def I(low, high, *shape):
    """int64 in [low, high)."""
    return Input(lambda: torch.randint(low, high, shape), False)


def B(*shape, share=0.5):
    """bool, true with probability `share`."""
    return Input(lambda: torch.rand(shape) < share, False)


def given(values, dtype=torch.float64, grad=False):
    """Exactly these values."""
    return Input(lambda: torch.tensor(values, dtype=dtype), grad)


def made(make, grad=True):
    """What make() gives: for inputs with structure, such as positive definite matrices."""
    return Input(make, grad)


class Fn:
    """A function as an argument, by its name in test/parity/arguments.ts; called with tensors here."""

    def __init__(self, name, run):
        self.name = name
        self.run = run

    def __call__(self, *args):
        return self.run(*args)


cases = []


def case(op, args, fn, kind='native', second=True, why=''):
    """One call of our `op` with `args`; `fn` gets the same arguments, tensors as torch tensors.

    kind: 'native' where PyTorch has the op, 'composed' where fn writes it in torch ops. second=False, with a reason in
    `why`, where this PyTorch has no second derivative.
    """
    cases.append(dict(op=op, args=args, fn=fn, kind=kind, second=second, why=why))
