import torch
import torch.nn.functional as F
from parity import T, case

for shape, axis in [((3, 5), 1), ((2, 3, 4), 0), ((7,), -1)]:
    case('softmax', [T(*shape), axis], lambda x, axis: torch.softmax(x, axis))
    case('logSoftmax', [T(*shape), axis], lambda x, axis: F.log_softmax(x, axis))
    case('logsumexp', [T(*shape), axis], lambda x, axis: torch.logsumexp(x, axis))
