"""PyTorch's side of `warpgrad bench --peers`: makes the cases of lib/bench/cases and runs them when told (the protocol is in lib/bench/peer.ts).
Each family is one function from a case's numbers to a call; outputs are given where PyTorch can reuse them, which is its best."""
import json
import os
import sys
import time

threads = int(sys.argv[1])
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(threads)
torch.manual_seed(0)
randn = torch.randn


def leaf(*shape):
    return randn(*shape).requires_grad_()


def gradients(outputs, inputs, dy=None):
    return lambda: torch.autograd.grad(outputs(), inputs, dy)


def elementwise(op, n=0, rows=0, columns=0, backward=False, captured=False):
    if op == "chain":
        x, y = randn(n), randn(n)
        def chain():
            t = torch.relu(x.mul(2).add(y).sub(0.5))
            return torch.maximum(t.mul(y).add(x), t).mul(0.25)
        return chain
    if op == "bias":
        x, b, out = randn(rows, columns), randn(columns), torch.empty(rows, columns)
        return lambda: torch.add(x, b, out=out)
    kept = {"add": torch.add, "exp": torch.exp, "log": torch.log, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
            "erf": torch.erf, "relu": lambda x, out: torch.clamp_min(x, 0, out=out)}
    fresh = {"relu": torch.relu, "gelu": F.gelu, "silu": F.silu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
    if backward:
        x, dy = leaf(n), randn(n)
        return gradients(lambda: fresh[op](x), x, dy)
    x, out = randn(n), torch.empty(n)
    if op == "add":
        y = randn(n)
        return lambda: torch.add(x, y, out=out)
    if op == "log":
        x.exp_()
    return (lambda: kept[op](x, out=out)) if op in kept else (lambda: fresh[op](x))


def reduce(op, rows, columns, axis):
    x = randn(rows, columns)
    f = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax, "argmax": torch.argmax, "variance": torch.var}[op]
    if axis == "all":
        return (lambda: torch.max(x)) if op == "max" else (lambda: f(x))
    return lambda: f(x, dim=axis)


def softmax(op, rows, columns, backward=True):
    x = randn(rows, columns).requires_grad_(backward)
    if op == "crossEntropy":
        labels = torch.randint(0, columns, (rows,))
        return gradients(lambda: F.cross_entropy(x, labels), x)
    f = {"softmax": torch.softmax, "logSoftmax": torch.log_softmax}[op]
    return gradients(lambda: f(x, -1), x, randn(rows, columns)) if backward else lambda: f(x, -1)


def rms_norm(x, weight):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weight


def norm(op, backward, rows=0, columns=0, batch=0, channels=0, side=0):
    if op == "batchNorm":
        x, layer = leaf(batch, channels, side, side), nn.BatchNorm2d(channels)
        if not backward:
            return no_grad(lambda: layer(x))
        return gradients(lambda: layer(x), [x, *layer.parameters()], randn(x.shape))
    x, weight, bias = leaf(rows, columns), leaf(columns), leaf(columns)
    f = (lambda: F.layer_norm(x, (columns,), weight, bias)) if op == "layerNorm" else (lambda: rms_norm(x, weight))
    to = [x, weight, bias] if op == "layerNorm" else [x, weight]
    return gradients(f, to, randn(rows, columns)) if backward else no_grad(f)


def no_grad(f):
    def run():
        with torch.no_grad():
            return f()
    return run


def pool(op, kernel, stride, padding, batch, channels, side, backward):
    x = randn(batch, channels, side, side).requires_grad_(backward)
    f = F.max_pool2d if op == "max" else F.avg_pool2d
    forward = lambda: f(x, kernel, stride, padding)
    return gradients(forward, x, randn(forward().shape)) if backward else forward


def move(op, rows=0, columns=0, order="", a=0, b=0, c=0, d=0, count=0, ids=0, width=0, backward=False):
    if op == "transpose" or op == "permute":
        x = randn(rows, columns).t() if op == "transpose" else randn(a, b, c, d).permute(*map(int, order))
        out = torch.empty(x.shape)
        return lambda: out.copy_(x)
    if op == "cat":
        parts = [randn(rows, columns) for _ in range(count)]
        return lambda: torch.cat(parts, 1)
    table, index = randn(rows, width).requires_grad_(backward), torch.randint(0, rows, (ids,))
    forward = lambda: F.embedding(index, table)
    return gradients(forward, table, randn(ids, width)) if backward else forward


def matmul(form, batch, m, n, k):
    def make(letter, *shape):
        return randn(batch, *shape) if letter == "N" else randn(batch, *reversed(shape)).transpose(1, 2)
    a, b, c = make(form[0], m, k), make(form[1], k, n), torch.empty(batch, m, n)
    if batch == 1:
        a, b, c = a[0], b[0], c[0]
    return lambda: torch.matmul(a, b, out=c)


def conv(**p):
    # PyTorch's better layout depends on the shape: it is chosen by trial.
    formats = [conv_in(torch.contiguous_format, **p), conv_in(torch.channels_last, **p)]
    return min(formats, key=trial)


def trial(f):
    f()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return min(times)


def conv_in(layout, ci, co, kernel, stride, padding, side, groups, batch, **p):
    x = randn(batch, ci, side, side).contiguous(memory_format=layout)
    w = randn(co, ci // groups, kernel, kernel).contiguous(memory_format=layout)
    forward = no_grad(lambda: F.conv2d(x, w, None, stride, padding, 1, groups))
    if p["pass"] == "forward":
        return forward
    y = forward()
    dy, mask = randn(y.shape).contiguous(memory_format=layout), [p["pass"] == "dx", p["pass"] == "dw", False]
    return lambda: torch.ops.aten.convolution_backward(
        dy, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups, mask)


def attend(q, k, v, hidden):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    scores = (q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5
    return torch.softmax(scores.masked_fill(hidden, float("-inf")), -1) @ v


def triangle(length):
    return torch.ones(length, length, dtype=torch.bool).triu(1)


def attention(batch, heads, length, depth, backward):
    q, k, v = (randn(batch, heads, length, depth).requires_grad_(backward) for _ in range(3))
    hidden = triangle(length)
    forward = lambda: attend(q, k, v, hidden)
    return gradients(forward, [q, k, v], randn(q.shape)) if backward else forward


def rnn(op, batch, length, width, backward):
    layer = (nn.LSTM if op == "lstm" else nn.GRU)(width, width, batch_first=True)
    x = randn(batch, length, width)
    forward = lambda: layer(x)[0]
    return gradients(forward, list(layer.parameters()), randn(batch, length, width)) if backward else no_grad(forward)


def optim(op, count, n, traffic):
    parameters = [nn.Parameter(randn(n)) for _ in range(count)]
    for p in parameters:
        p.grad = torch.randn_like(p)
    if op == "clip":
        return lambda: torch.nn.utils.clip_grad_norm_(parameters, 1e9)
    make = torch.optim.Adam if op == "adam" else lambda each, **o: torch.optim.SGD(each, momentum=0.9, **o)
    return min([make(parameters, lr=1e-3, foreach=each).step for each in (False, True)], key=trial)


class Block(nn.Module):
    def __init__(self, width, heads, length):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.register_buffer("hidden", triangle(length))

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (p.view(b, t, self.heads, -1).transpose(1, 2) for p in self.qkv(self.norm1(x)).split(d, -1))
        x = x + self.out(attend(q, k, v, self.hidden).transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, vocabulary, length, width, heads, layers):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(Block(width, heads, length) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        self.register_buffer("positions", torch.arange(length))

    def forward(self, ids):
        return self.head(self.norm(self.blocks(self.tokens(ids) + self.places(self.positions))))


class Residual(nn.Module):
    def __init__(self, ci, co, stride):
        super().__init__()
        unit = lambda i, k, s: [nn.Conv2d(i, co, k, s, k // 2, bias=False), nn.BatchNorm2d(co)]
        self.main = nn.Sequential(*unit(ci, 3, stride), nn.ReLU(inplace=True), *unit(co, 3, 1))
        self.side = nn.Sequential(*unit(ci, 1, stride)) if stride > 1 or ci != co else nn.Identity()

    def forward(self, x):
        return F.relu(self.main(x).add_(self.side(x)), inplace=True)


def resnet18(width, classes):
    layers, ci = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)], width
    for times, stride in ((1, 1), (2, 2), (4, 2), (8, 2)):
        layers += [Residual(ci, width * times, stride), Residual(width * times, width * times, 1)]
        ci = width * times
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(ci, classes))


class LastOfLSTM(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.recurrent, self.out = nn.LSTM(width, width, batch_first=True), nn.Linear(width, classes)

    def forward(self, x):
        return self.out(self.recurrent(x)[0][:, -1])


def mlp(side, classes):
    return nn.Sequential(nn.Linear(side * side, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, classes))


def lenet(side, classes):
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * (side // 4) ** 2, 512), nn.ReLU(), nn.Linear(512, classes))


def step(model, batch, classes, captured, gflop, side=1, length=1, width=1, heads=1, layers=1):
    ids = model == "gpt"
    net, x = {
        "mlp": lambda: (mlp(side, classes), randn(batch, side * side)),
        "lenet": lambda: (lenet(side, classes), randn(batch, 1, side, side)),
        "resnet18": lambda: (resnet18(width, classes), randn(batch, 3, side, side)),
        "lstm": lambda: (LastOfLSTM(width, classes), randn(batch, length, width)),
        "gpt": lambda: (GPT(classes, length, width, heads, layers), torch.randint(0, classes, (batch, length))),
        "xor": lambda: (nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, classes)), randn(batch, 2)),
    }[model]()
    labels = torch.randint(0, classes, (batch * length if ids else batch,))

    def stepper(foreach):
        adam = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=foreach)

        def run():
            adam.zero_grad(set_to_none=True)
            F.cross_entropy(net(x).reshape(-1, classes), labels).backward()
            adam.step()
        return run
    return min([stepper(each) for each in (False, True)], key=trial)


FAMILIES = dict(
    elementwise=elementwise, reduce=reduce, softmax=softmax, norm=norm, pool=pool, move=move, matmul=matmul, conv=conv,
    attention=attention, rnn=rnn, optim=optim, step=step)


def made(family, **params):
    if family not in FAMILIES:
        return None
    return FAMILIES[family](**params)


say = lambda **answer: print(json.dumps(answer), flush=True)
say(ready=torch.__version__)
work = None
for line in sys.stdin:
    order = json.loads(line)
    if "make" in order:
        work = None  # its memory first
        try:
            work = made(**order["make"])
            work()
            say(made=True)
        except Exception as error:
            print(f"{order['make']}: {error!r}", file=sys.stderr)
            say(made=False, reason=repr(error)[:200])
    else:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(order["run"]):
            work()
        say(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)
