#!/usr/bin/env python3
"""Writes test/parity/fixtures/programs.json: what PyTorch makes of the programs of views and in-place ops.

Run by hand with Debian's python3-torch; programs.ts has the same programs under the same names. A program gets a leaf x
[2, 2] that needs gradients; its result is weighed, summed and differentiated.
"""
import datetime
import json
import pathlib

import torch

from parity import weight

programs = {}


def program(name):
    def note(fn):
        programs[name] = fn
        return fn
    return note


program('in-place on the result')(lambda x: (x * 2).add_(1).mul_(3))


@program('in-place on a row')
def _(x):
    y = x * 2
    y.select(0, 0).mul_(5)
    return y


@program('a sibling view made before')
def _(x):
    y = x * 2
    row = y.select(0, 0)
    column = y.select(1, 0)
    row.mul_(5)
    return torch.cat([column, row])


@program('fill_ cuts the graph of its part')
def _(x):
    y = x * 3
    y.select(0, 1).fill_(0)
    return y


@program('copy_ connects its source')
def _(x):
    y = torch.zeros(2, 2, dtype=x.dtype)
    y.select(0, 0).copy_(x.select(0, 1))
    return y


program('zero_ on everything')(lambda x: (x * 3).zero_())


@program('a view of a view')
def _(x):
    y = x * 1
    y.t().select(0, 1).mul_(4)
    return y


@program('twice into one view')
def _(x):
    y = x * 1
    row = y.select(0, 0)
    row.mul_(2)
    row.mul_(3)
    return y


@program('through base and view')
def _(x):
    y = x * 1
    row = y.select(0, 0)
    y.mul_(2)
    row.mul_(3)
    return y


@program('a detached part')
def _(x):
    y = x * 2
    return y + y.detach()


program('add_ of a product')(lambda x: torch.zeros(2, 2, dtype=x.dtype).add_(x * 4))


@program('reshape shares memory')
def _(x):
    y = x * 1
    y.reshape(4).mul_(2)
    return y


@program('an operand that needs gradients')
def _(x):
    y = x * 3
    y.mul_(x)
    return y


@program('the target is its own operand')
def _(x):
    y = x * 1
    y.mul_(y)
    return y


@program('what nobody saved may change')
def _(x):
    y = x + 1
    z = y + 2
    y.mul_(5)
    return z


@program('a result is saved and changed')
def _(x):
    y = x.exp()
    y.add_(1)
    return y


@program('an operand is saved and changed')
def _(x):
    y = x * 1
    z = y * y
    y.mul_(2)
    return z


@program('a view of a saved tensor changes it')
def _(x):
    y = x * 1
    z = y * y
    y.select(0, 0).fill_(0)
    return z


@program('changed unrecorded, and still noticed')
def _(x):
    y = x * 1
    z = y * y
    with torch.no_grad():
        y.select(0, 0).fill_(0)
    return z


@program('changed through detach, and still noticed')
def _(x):
    y = x * 1
    z = y * y
    y.detach().zero_()
    return z


program('a leaf')(lambda x: x.add_(1))
program('a view of a leaf')(lambda x: x.select(0, 0).mul_(2))
program('an expanded target')(lambda x: (x * 1).select(0, 0).expand(2, 2).add_(1))


@program('its own transpose')
def _(x):
    y = x * 1
    return y.add_(y.t())


def outcome(fn):
    x = torch.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=torch.float64, requires_grad=True)
    try:
        y = fn(x)
        flat = torch.tensor([weight(k) for k in range(y.numel())], dtype=torch.float64)
        (y * flat.reshape(y.shape)).sum().backward()
    except RuntimeError as error:
        return dict(raises=str(error).split('\n')[0])
    grad = torch.zeros_like(x) if x.grad is None else x.grad
    return dict(values=y.detach().flatten().tolist(), gradient=grad.flatten().tolist())


if __name__ == '__main__':
    facts = dict(torch=torch.__version__, date=str(datetime.date.today()))
    facts['programs'] = {name: outcome(fn) for name, fn in programs.items()}
    path = pathlib.Path(__file__).parent / 'fixtures' / 'programs.json'
    path.write_text(json.dumps(facts, indent=2) + '\n')
    print(f"{len(programs)} programs, {sum('raises' in each for each in facts['programs'].values())} raise")
