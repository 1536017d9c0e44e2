import torch
from parity import I, T, case, given

for shape, axis, index in [((3, 4), 1, (3, 6)), ((5, 3), 0, (2, 3)), ((2, 3, 4), -2, (2, 5, 3))]:
    size = shape[axis]
    case('gather', [T(*shape), axis, I(0, size, *index)], lambda x, axis, index: torch.gather(x, axis, index))
    case('scatterAdd', [T(*shape), axis, I(0, size, *index), T(*index)], lambda x, axis, index, src: torch.scatter_add(x, axis, index, src))
    case('scatter', [T(*shape), axis, I(0, size, *index), 1.5], lambda x, axis, index, src: torch.scatter(x, axis, index, src))
unique = given([[2, 0, 1], [0, 3, 3], [1, 1, 0]], torch.int64)
case('scatter', [T(4, 3), 0, unique, T(3, 3)], lambda x, axis, index, src: torch.scatter(x, axis, index, src))
