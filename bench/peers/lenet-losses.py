"""PyTorch's side of bench/probes/lenet-losses.ts: reads weights and data from a folder, then obeys lines on standard input.
`steps N` trains N steps and answers {"seconds": …, "losses": […]}; `threads N` first. Batches come round in order."""
import json
import os
import sys
import time

folder, threads, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(threads)
net = nn.Sequential(
    nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 10))
with torch.no_grad():
    for i, parameter in enumerate(net.parameters()):
        values = numpy.fromfile(f"{folder}/parameter{i}.f32", dtype=numpy.float32)
        parameter.copy_(torch.from_numpy(values).view_as(parameter))
images = torch.from_numpy(numpy.fromfile(f"{folder}/images.f32", dtype=numpy.float32)).view(-1, 1, 28, 28)
labels = torch.from_numpy(numpy.fromfile(f"{folder}/labels.i32", dtype=numpy.int32)).long()
batches = [(images[i:i + batch], labels[i:i + batch]) for i in range(0, len(images) - batch + 1, batch)]
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
done = 0
print(json.dumps({"ready": torch.__version__}), flush=True)
for line in sys.stdin:
    count = int(line.split()[1])
    losses = []
    start = time.perf_counter()
    for _ in range(count):
        x, y = batches[done % len(batches)]
        done += 1
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(json.dumps({"seconds": time.perf_counter() - start, "losses": losses}), flush=True)
