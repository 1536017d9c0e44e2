#!/usr/bin/env python3
"""Writes test/parity/fixtures/<family>.safetensors from the case files: python3 test/parity/generate.py [family ...]

Run by hand with Debian's python3-torch; the outputs are committed. Everything is float64 on one thread.
"""
import datetime
import importlib.util
import json
import math
import pathlib
import struct
import sys
import zlib

import torch

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here))
import parity  # noqa: E402

torch.set_num_threads(1)
NAMES = {torch.float64: 'F64', torch.int64: 'I64', torch.bool: 'BOOL'}


def load(family):
    parity.cases.clear()
    spec = importlib.util.spec_from_file_location(family, here / 'cases' / f'{family}.py')
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return list(parity.cases)


def walk(value, visit):
    """The argument with `visit` applied to every Input inside."""
    if isinstance(value, parity.Input):
        return visit(value)
    if isinstance(value, (list, tuple)):
        return [walk(each, visit) for each in value]
    if isinstance(value, dict):
        return {key: walk(each, visit) for key, each in value.items()}
    return value


def plain(value):
    """JSON has no infinities and no functions."""
    if isinstance(value, parity.Fn):
        return {'$fn': value.name}
    if isinstance(value, float) and not math.isfinite(value):
        return {'$number': str(value)}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


def widened(t):
    if t.dtype in NAMES:
        return t
    return t.to(torch.float64 if t.is_floating_point() else torch.int64)


def along(t, numbers):
    flat = torch.tensor([numbers(k) for k in range(t.numel())], dtype=torch.float64)
    return (t * flat.reshape(t.shape)).sum()


def run(number, each, tensors):
    """Adds the case's tensors under `<number>.…` and gives its description."""
    op = each['op']
    torch.manual_seed(zlib.crc32(f'{op} {number}'.encode()))
    inputs = []

    def open_input(spec):
        t = spec.make()
        t = t.detach().clone().requires_grad_(spec.grad)
        inputs.append(t)
        return t

    arguments = walk(each['args'], open_input)
    for k, t in enumerate(inputs):
        tensors[f'{number}.in.{k}'] = t.detach().clone()
    seen = iter(range(len(inputs)))
    described = plain(walk(each['args'], lambda spec: {'$tensor': next(seen), '$grad': spec.grad}))
    result = each['fn'](*arguments)
    results = [result] if isinstance(result, torch.Tensor) else list(result)
    for k, t in enumerate(results):
        tensors[f'{number}.out.{k}'] = widened(t.detach())
    description = dict(op=op, kind=each['kind'], args=described, outputs=len(results))
    leaves = [t for t in inputs if t.requires_grad]
    smooth = [t for t in results if t.is_floating_point() and t.requires_grad]
    if not leaves or not smooth:
        return description
    second = each['second']
    loss = sum(along(t, parity.weight) for t in smooth)
    first = torch.autograd.grad(loss, leaves, create_graph=second, allow_unused=True)
    filled = [torch.zeros_like(x) if g is None else g for g, x in zip(first, leaves)]
    for k, g in enumerate(filled):
        tensors[f'{number}.first.{k}'] = torch.zeros_like(g) + g.detach()
    description['first'] = True
    if not second:
        description['why'] = each['why']
        return description
    slope = sum(along(g, parity.direction) for g in filled)
    twice = torch.autograd.grad(slope, leaves, allow_unused=True) if slope.requires_grad else [None] * len(leaves)
    for k, (g, x) in enumerate(zip(twice, leaves)):
        # Added to zeros, because PyTorch's own lazy zeros have no memory to write out.
        tensors[f'{number}.second.{k}'] = torch.zeros_like(x) + (0 if g is None else g.detach())
    description['second'] = True
    return description


def write(path, tensors, metadata):
    header, blobs, at = {'__metadata__': metadata}, [], 0
    for name, t in sorted(tensors.items(), key=lambda item: -item[1].element_size()):
        blob = t.contiguous().numpy().tobytes()
        header[name] = {'dtype': NAMES[t.dtype], 'shape': list(t.shape), 'data_offsets': [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + b''.join(blobs))


def generate(family):
    tensors, described = {}, []
    for number, each in enumerate(load(family)):
        try:
            described.append(run(number, each, tensors))
        except Exception as error:
            raise RuntimeError(f"{family}: case {number} of {each['op']}: {error}") from error
    metadata = dict(torch=torch.__version__, date=str(datetime.date.today()), cases=json.dumps(described))
    write(here / 'fixtures' / f'{family}.safetensors', tensors, metadata)
    print(f"{family}: {len(described)} cases of {len({d['op'] for d in described})} ops")


if __name__ == '__main__':
    wanted = sys.argv[1:] or sorted(path.stem for path in (here / 'cases').glob('*.py'))
    for name in wanted:
        generate(name)
