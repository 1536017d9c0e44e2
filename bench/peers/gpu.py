"""PyTorch's side of bench/gpu: one line of JSON a case, with the case names that bench/gpu/*.ts print too.

    python3 gpu.py [--only gemm,conv,memory,optimizer,attention,steps,dispatch] [--quick] [--device cuda]

Times are the device's (CUDA events), medians of the repetitions; inputs are random and rotate through more than three times
the L2 cache; settings are PyTorch's fast ones (cudnn.benchmark, channels_last, fused AdamW, SDPA's own choice and each backend).
With --device cpu --quick it only shows that it runs.
"""
import argparse
import json
import statistics
import sys
import time
from contextlib import nullcontext

import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--only", default="")
parser.add_argument("--quick", action="store_true")
parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
arguments = parser.parse_args()
DEVICE, CUDA, QUICK = arguments.device, arguments.device.startswith("cuda"), arguments.quick
torch.backends.cudnn.benchmark = True
torch.manual_seed(0)
SWEEP = 200 << 20  # bytes between two uses of the same input
bf16, f32 = torch.bfloat16, torch.float32


def emit(**row):
    print(json.dumps(row), flush=True)


def timed(f, reps=20, warm=5):
    """Median and least milliseconds of f(i); i chooses a set of inputs."""
    if QUICK:
        reps, warm = 1, 0
    for i in range(warm):
        f(i)
    if not CUDA:
        times = []
        for i in range(reps):
            start = time.perf_counter()
            f(i)
            times.append((time.perf_counter() - start) * 1e3)
        return statistics.median(times), min(times)
    torch.cuda.synchronize()
    events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(reps)]
    for i, (start, end) in enumerate(events):
        start.record()
        f(i)
        end.record()
    torch.cuda.synchronize()
    times = [start.elapsed_time(end) for start, end in events]
    return statistics.median(times), min(times)


def row(group, case, impl, ms, flops=None, nbytes=None, **more):
    if flops:
        more["tflops"] = round(flops / ms[0] / 1e9, 3)
    if nbytes:
        more["gbps"] = round(nbytes / ms[0] / 1e6, 1)
    emit(group=group, case=case, impl=impl, median_ms=round(ms[0], 6), min_ms=round(ms[1], 6), **more)


def sets(make, nbytes):
    count = 1 if QUICK else max(1, min(16, -(-SWEEP // max(1, nbytes))))
    return [make() for _ in range(count)]


def normal(*shape, dtype=f32):
    return torch.randn(*shape, device=DEVICE, dtype=f32).to(dtype)


def shrink(*sizes):
    return [max(8, size // 64) for size in sizes] if QUICK else list(sizes)


def composed(q, k, v, is_causal=False):
    """For versions without F.scaled_dot_product_attention: only to show that this runs."""
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    if is_causal:
        scores = scores + torch.full(scores.shape[-2:], float("-inf"), device=DEVICE, dtype=scores.dtype).triu(1)
    return torch.softmax(scores, -1) @ v


attend = getattr(F, "scaled_dot_product_attention", composed)


def gemm():
    def layouts(name, dtype, n, letters, **more):
        S = sets(lambda: (normal(n, n, dtype=dtype), normal(n, n, dtype=dtype)), 8 * n * n)

        def product(i):
            a, b = S[i % len(S)]
            return torch.mm(a if letters[0] == "N" else a.t(), b if letters[1] == "N" else b.t())
        row("gemm", f"{name} {letters}", "cublas", timed(product), 2 * n**3, **more)

    for name, dtype in (("bf16", bf16), ("tf32", f32), ("fp32", f32)):
        torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
        for size in (8192, 4096, 2048, 1024):
            (n,) = shrink(size)
            for letters in ("NN", "NT", "TN", "TT") if size <= 4096 and name != "fp32" else ("NN",):
                layouts(f"{name} {size}^3", dtype, n, letters)
    torch.backends.cuda.matmul.allow_tf32 = False
    tokens = 32768
    for tag, m, k, n in [
        ("gpt2 qkv", tokens, 768, 2304), ("gpt2 proj", tokens, 768, 768), ("gpt2 fc1", tokens, 768, 3072),
        ("gpt2 fc2", tokens, 3072, 768), ("gpt2 head", tokens, 768, 50304), ("gpt2 wgrad fc1", 768, tokens, 3072),
        ("llama qkv", 4096, 4096, 12288), ("llama up", 4096, 4096, 22016), ("llama down", 4096, 11008, 4096),
        ("ragged", 4093, 1021, 2039),
    ]:
        case = f"bf16 {tag} {m}x{k}x{n}"
        m, k, n = shrink(m, k, n)
        S = sets(lambda: (normal(m, k, dtype=bf16), normal(k, n, dtype=bf16)), 2 * (m * k + k * n))
        row("gemm", case, "cublas", timed(lambda i: torch.mm(*S[i % len(S)])), 2.0 * m * k * n)
    m, k, n = shrink(32768, 768, 3072)
    x, w, b = normal(m, k, dtype=bf16), normal(n, k, dtype=bf16), normal(n, dtype=bf16)
    row("gemm", "bf16 linear+bias+gelu 32768x768x3072", "eager", timed(lambda i: F.gelu(F.linear(x, w, b))), 2.0 * m * k * n)


# name, channels in and out, kernel, stride, side
CONVOLUTIONS = [
    ("3x3 64@56", 64, 64, 3, 1, 56), ("3x3 128@28", 128, 128, 3, 1, 28), ("3x3 256@14", 256, 256, 3, 1, 14),
    ("3x3 512@7", 512, 512, 3, 1, 7), ("1x1 64-256@56", 64, 256, 1, 1, 56), ("1x1 1024-2048s2@14", 1024, 2048, 1, 2, 14),
    ("7x7s2 3-64@224", 3, 64, 7, 2, 224),
]


def images(batch, channels, side):
    x = normal(batch, channels, side, side, dtype=bf16)
    return x.to(memory_format=torch.channels_last)


def conv():
    batch = 2 if QUICK else 256
    for tag, ci, co, k, s, h in CONVOLUTIONS:
        if QUICK:
            ci, co, h = max(3, ci // 8), co // 8, max(7, h // 8)
        x = images(batch, ci, h)
        w = normal(co, ci, k, k, dtype=bf16).to(memory_format=torch.channels_last)
        forward = lambda: F.conv2d(x, w, stride=s, padding=k // 2)
        y = forward()
        dy = torch.randn_like(y)
        flops = 2.0 * y.numel() * ci * k * k
        row("conv", f"bf16 fprop {tag}", "cudnn", timed(lambda i: forward()), flops)
        if ci > 3:
            f = lambda i: torch.nn.grad.conv2d_input(x.shape, w, dy, stride=s, padding=k // 2)
            row("conv", f"bf16 dgrad {tag}", "cudnn", timed(f), flops)
        f = lambda i: torch.nn.grad.conv2d_weight(x, w.shape, dy, stride=s, padding=k // 2)
        row("conv", f"bf16 wgrad {tag}", "cudnn", timed(f), flops)
    for tag, c, k, h in (("dw3x3 384@56", 384, 3, 56), ("dw7x7 384@28", 384, 7, 28)):
        if QUICK:
            c, h = c // 8, h // 4
        x = images(max(1, batch // 4), c, h).requires_grad_()
        w = normal(c, 1, k, k, dtype=bf16).requires_grad_()
        dy = torch.randn_like(x)
        f = lambda i: torch.autograd.grad(F.conv2d(x, w, padding=k // 2, groups=c), (x, w), dy)
        row("conv", f"bf16 fwd+bwd {tag}", "eager", timed(f), nbytes=2 * x.numel() * 5)


def rows_of():
    for rows, cols in ((16384, 1024), (8192, 8192), (16384, 131072)):
        for dtype, e in ((bf16, 2), (f32, 4)):
            name = f"{str(dtype)[6:]} %s {rows}x{cols}"
            r, c = shrink(rows, cols)
            S = sets(lambda: normal(r, c, dtype=dtype), r * c * e)
            row("softmax", name % "fwd", "eager", timed(lambda i: torch.softmax(S[i % len(S)], -1)), nbytes=2 * r * c * e)
            x = S[0].clone().requires_grad_()
            dy = torch.randn_like(x)
            f = lambda i: torch.autograd.grad(torch.softmax(x, -1), x, dy)
            row("softmax", name % "fwd+bwd", "eager", timed(f), nbytes=5 * r * c * e)
            del S, x, dy
    for rows, cols in ((32768, 768), (16384, 2048), (8192, 4096), (4096, 8192)):
        r, c = shrink(rows, cols)
        x = normal(r, c, dtype=bf16).requires_grad_()
        g = torch.ones(c, device=DEVICE, dtype=bf16, requires_grad=True)
        b = torch.zeros_like(g, requires_grad=True)
        dy = torch.randn_like(x)
        row("layernorm", f"bf16 fwd {rows}x{cols}", "eager", timed(lambda i: F.layer_norm(x, (c,), g, b)), nbytes=4 * r * c)
        f = lambda i: torch.autograd.grad(F.layer_norm(x, (c,), g, b), (x, g, b), dy)
        row("layernorm", f"bf16 fwd+bwd {rows}x{cols}", "eager", timed(f), nbytes=10 * r * c)
    for rows, classes in ((8192, 50304), (8192, 128256)):
        r, v = shrink(rows, classes)
        x = normal(r, v, dtype=bf16).requires_grad_()
        t = torch.randint(0, v, (r,), device=DEVICE)
        f = lambda i: torch.autograd.grad(F.cross_entropy(x, t), x)
        row("cross_entropy", f"bf16 fwd+bwd {rows}x{classes}", "eager", timed(f), nbytes=4 * r * v)


def memory_bound():
    rows_of()
    full = 1 << 28
    n = 1 << 16 if QUICK else full
    for dtype, e in ((f32, 4), (bf16, 2)):
        x = normal(n, dtype=dtype)
        name = str(dtype)[6:]
        X = x.view(-1, 4096)
        for what, f in (
            ("sum", lambda i: x.sum()), ("max", lambda i: x.max()), ("var", lambda i: x.float().var()),
            ("sum rows", lambda i: X.sum(-1)), ("sum columns", lambda i: X.sum(0)), ("argmax", lambda i: x.argmax()),
        ):
            row("reduce", f"{name} {what} {full}", "eager", timed(f), nbytes=n * e)
        y = torch.randn_like(x)
        other, both = (bf16, 1.5) if dtype == f32 else (f32, 3)
        for what, f, k in (
            ("add", lambda i: x + y, 3), ("gelu", lambda i: F.gelu(x), 2), ("cast", lambda i: x.to(other), both),
            ("copy", lambda i: x.clone(), 2),
        ):
            row("elementwise", f"{name} {what} {full}", "eager", timed(f), nbytes=int(k * n * e))
        del x, y, X
    (n,) = shrink(8192)
    x = normal(n, n)
    row("elementwise", "float32 transpose 8192^2", "eager", timed(lambda i: x.t().contiguous()), nbytes=8 * n * n)
    row("scan", "float32 cumsum rows 8192x8192", "eager", timed(lambda i: x.cumsum(-1)), nbytes=8 * n * n)
    row("scan", "float32 topk 64 rows 8192x8192", "eager", timed(lambda i: x.topk(min(64, n))), nbytes=4 * n * n)
    T, V, C = shrink(32768, 50304, 768)
    w = normal(V, C).requires_grad_()
    ids = torch.randint(0, V, (T,), device=DEVICE)
    dy = normal(T, C)
    row("embedding", "float32 fwd 32768x768", "eager", timed(lambda i: F.embedding(ids, w)), nbytes=8 * T * C)
    f = lambda i: torch.autograd.grad(F.embedding(ids, w), w, dy)
    row("embedding", "float32 bwd 32768x768", "eager", timed(f), nbytes=8 * T * C + 4 * V * C)


def optimizer():
    for tag, n in (("124M", 124_000_000), ("1B", 1_000_000_000)):
        if QUICK:
            n //= 1000
        parameters = [nn.Parameter(normal(n // 64)) for _ in range(64)]
        for p in parameters:
            p.grad = torch.randn_like(p)
        adam = torch.optim.AdamW(parameters, lr=1e-3, **({"fused": True} if CUDA else {}))
        row("optim", f"float32 adamw {tag}", "fused", timed(lambda i: adam.step()), nbytes=28 * n)
        f = lambda i: torch.nn.utils.clip_grad_norm_(parameters, 1e9)
        row("optim", f"float32 clip_grad_norm {tag}", "eager", timed(f), nbytes=4 * n)


def attention():
    tokens, hidden = (256, 128) if QUICK else (16384, 2048)
    modes = [("sdpa default", nullcontext)]
    if CUDA:
        from torch.nn.attention import SDPBackend, sdpa_kernel
        modes.append(("sdpa cudnn", lambda: sdpa_kernel(SDPBackend.CUDNN_ATTENTION)))
        modes.append(("sdpa flash", lambda: sdpa_kernel(SDPBackend.FLASH_ATTENTION)))
    for d in (64, 128):
        for length in (2048, 4096, 8192, 16384):
            for causal in (False, True):
                s = length // 64 if QUICK else length
                b, h = max(1, tokens // s), max(1, hidden // d)
                q, k, v = (normal(b, h, s, d, dtype=bf16).requires_grad_() for _ in range(3))
                dy = normal(b, h, s, d, dtype=bf16)
                flops = 4.0 * b * h * s * s * d * (0.5 if causal else 1)
                tag = f"d{d} S{length}{' causal' if causal else ''}"
                f = lambda: attend(q, k, v, is_causal=causal)
                for impl, mode in modes:
                    try:
                        with mode():
                            row("attention", f"bf16 fwd {tag}", impl, timed(lambda i: f()), flops)
                            y = f()
                            g = lambda i: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True)
                            row("attention", f"bf16 bwd {tag}", impl, timed(g), 2.5 * flops)
                    except RuntimeError as error:
                        emit(group="attention", case=tag, impl=impl, error=str(error)[:120])


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        B, T, D = x.shape
        q, k, v = (t.view(B, T, self.heads, -1).transpose(1, 2) for t in self.qkv(self.norm1(x)).split(D, -1))
        a = attend(q, k, v, is_causal=True).transpose(1, 2).reshape(B, T, D)
        x = x + self.out(a)
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, classes, length, layers, width, heads):
        super().__init__()
        self.tokens, self.places = nn.Embedding(classes, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids):
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        return F.linear(self.norm(self.blocks(x)), self.tokens.weight)


def unit(ci, co, k, s=1):
    return nn.Sequential(nn.Conv2d(ci, co, k, s, k // 2, bias=False), nn.BatchNorm2d(co))


class Residual(nn.Module):
    """Of ResNet-50 with `deep`, else of ResNet-18."""

    def __init__(self, ci, width, stride, deep):
        super().__init__()
        co = 4 * width if deep else width
        relu = nn.ReLU()
        layers = [unit(ci, width, 1), relu, unit(width, width, 3, stride), relu, unit(width, co, 1)]
        self.main = nn.Sequential(*(layers if deep else [unit(ci, width, 3, stride), relu, unit(width, co, 3)]))
        self.side = unit(ci, co, 1, stride) if stride > 1 or ci != co else nn.Identity()

    def forward(self, x):
        return F.relu(self.main(x) + self.side(x))


def resnet(deep, width):
    layers, channels = [unit(3, width, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], width
    for stage, count in enumerate((3, 4, 6, 3) if deep else (2, 2, 2, 2)):
        for i in range(count):
            layers.append(Residual(channels, width << stage, 2 if i == 0 and stage > 0 else 1, deep))
            channels = (width << stage) * (4 if deep else 1)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def train(case, model, x, y, samples, mixed, impls):
    for impl in impls:
        adam = torch.optim.AdamW(model.parameters(), lr=1e-4, **({"fused": True, "capturable": True} if CUDA else {}))
        net = torch.compile(model) if impl == "compile" else model

        def step(i=0):
            adam.zero_grad(set_to_none=impl != "graph")
            with torch.autocast(DEVICE.split(":")[0], bf16, enabled=mixed):
                out = net(x)
                loss = F.cross_entropy(out.flatten(0, -2).float(), y.flatten())
            loss.backward()
            adam.step()
        try:
            if impl == "graph":
                side = torch.cuda.Stream()
                side.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(side):
                    for _ in range(5):
                        step()
                torch.cuda.current_stream().wait_stream(side)
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    step()
                ms = timed(lambda i: graph.replay())
            else:
                ms = timed(step, reps=10)
            row("step", case, impl, ms, samples_per_s=round(samples / ms[0] * 1e3, 1))
        except Exception as error:  # a compiler that is missing must not end the rest
            emit(group="step", case=case, impl=impl, error=str(error)[:160])


def steps():
    impls = ["eager"] + (["compile", "graph"] if CUDA and not QUICK else [])
    classes = lambda n, most: torch.randint(0, most, (n,), device=DEVICE)
    mlp = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)).to(DEVICE)
    train("float32 mlp 784-512-512-10 b128", mlp, normal(128, 784), classes(128, 10), 128, False, impls)
    lenet = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)).to(DEVICE)
    train("float32 lenet5 b64", lenet, normal(64, 1, 28, 28), classes(64, 10), 64, False, impls)
    V, T, L, D, H, B = (512, 64, 2, 64, 4, 2) if QUICK else (50304, 1024, 12, 768, 12, 32)
    gpt = GPT(V, T, L, D, H).to(DEVICE)
    ids = torch.randint(0, V, (B, T), device=DEVICE)
    train("bf16 gpt2-124M b32 T1024", gpt, ids, ids.roll(-1, 1), B * T, True, impls[:2])
    for name, size in (("resnet50", 224), ("resnet18", 32), ("resnet18", 224)):
        batch, side, width = (2, 32, 8) if QUICK else (256, size, 64)
        net = resnet(name == "resnet50", width).to(DEVICE).to(memory_format=torch.channels_last)
        x = normal(batch, 3, side, side).to(memory_format=torch.channels_last)
        train(f"bf16 {name} b256 {size}px", net, x, classes(batch, 1000), batch, True, impls[:2])


def dispatch():
    x, y = normal(1024), normal(1024)
    n = 200 if QUICK else 20000
    for _ in range(100):
        x + y
    if CUDA:
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(n):
        x + y
    us = (time.perf_counter() - start) / n * 1e6
    if CUDA:
        torch.cuda.synchronize()
    emit(group="dispatch", case="float32 add 1024", impl="eager", median_ms=round(us / 1e3, 7))
    floats = 1 << 16 if QUICK else 64 << 20
    host = torch.randn(floats)
    host = host.pin_memory() if CUDA else host
    goal = torch.empty(floats, device=DEVICE)
    f = lambda i: goal.copy_(host, non_blocking=True)
    row("dispatch", "float32 H2D pinned 256MiB", "eager", timed(f), nbytes=4 * floats)


GROUPS = dict(
    gemm=gemm, conv=conv, memory=memory_bound, optimizer=optimizer, attention=attention, steps=steps, dispatch=dispatch)
about = dict(peer=f"pytorch {torch.__version__}", device=torch.cuda.get_device_name() if CUDA else "cpu")
if CUDA:
    about.update(cuda=torch.version.cuda, cudnn=torch.backends.cudnn.version())
emit(**about)
for name, run in GROUPS.items():
    if arguments.only and name not in arguments.only.split(","):
        continue
    try:
        run()
    except Exception as error:  # a group that fails must not end the rest
        print(f"{name}: {error!r}", file=sys.stderr)
        emit(group=name, error=repr(error)[:200])
