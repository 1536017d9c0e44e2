import torch
from parity import B, I, T, case, given

for shape, axis, index in [((3, 4), 1, (3, 6)), ((5, 3), 0, (2, 3)), ((2, 3, 4), -2, (2, 5, 3))]:
    size = shape[axis]
    case('gather', [T(*shape), axis, I(0, size, *index)], lambda x, axis, index: torch.gather(x, axis, index))
    case('scatterAdd', [T(*shape), axis, I(0, size, *index), T(*index)], lambda x, axis, index, src: torch.scatter_add(x, axis, index, src))
    case('scatter', [T(*shape), axis, I(0, size, *index), 1.5], lambda x, axis, index, src: torch.scatter(x, axis, index, src))
unique = given([[2, 0, 1], [0, 3, 3], [1, 1, 0]], torch.int64)
case('scatter', [T(4, 3), 0, unique, T(3, 3)], lambda x, axis, index, src: torch.scatter(x, axis, index, src))

for reduce in ['sum', 'prod', 'mean', 'amax', 'amin']:
    for include in [True, False]:
        case('scatterReduce', [T(3, 4, distinct=True), 0, I(0, 3, 5, 4), T(5, 4, low=-1.93, high=2.11, distinct=True), {'reduce': reduce, 'includeSelf': include}],
             lambda x, axis, index, src, o: torch.scatter_reduce(x, axis, index, src, o['reduce'], include_self=o['includeSelf']))
for shape, index in [((3, 4), (2, 3)), ((5,), (4,)), ((2, 1, 3), (7,))]:
    size = torch.Size(shape).numel()
    case('take', [T(*shape), I(-size, size, *index)], lambda x, index: torch.take(x, index))
    case('put', [T(*shape), I(-size, size, *index), T(*index), {'accumulate': True}], lambda x, index, src, o: torch.put(x, index, src, True))
case('put', [T(3, 4), given([0, -1, 5], torch.int64), T(3)], lambda x, index, src: torch.put(x, index, src))
for shape, index, axis in [((3, 4), (3, 2), 1), ((3, 4), (1, 6), 1), ((1, 4), (3, 2), -1)]:
    case('takeAlongDim', [T(*shape), I(0, shape[axis], *index), axis], lambda x, index, axis: torch.take_along_dim(x, index, axis))
case('takeAlongDim', [T(3, 4), I(0, 12, 5)], lambda x, index: torch.take_along_dim(x, index))
for shape, axis, count in [((4, 3), 0, 6), ((2, 3, 2), 1, 4), ((5,), -1, 3)]:
    part = list(shape)
    part[axis] = count
    case('indexAdd', [T(*shape), axis, I(0, shape[axis], count), T(*part), {'alpha': -0.5}],
         lambda x, axis, index, src, o: torch.index_add(x, axis, index, src, alpha=o['alpha']))
    case('indexSelect', [T(*shape), I(0, shape[axis], count), axis], lambda x, index, axis: torch.index_select(x, axis, index))
    case('indexFill', [T(*shape), axis, I(-shape[axis], shape[axis], 2), 1.5], lambda x, axis, index, value: torch.index_fill(x, axis, index, value))
    part[axis] = 2
    case('indexCopy', [T(*shape), axis, given([1, 0], torch.int64), T(*part)],
         lambda x, axis, index, src: torch.index_copy(x, axis, index, src))
for accumulate in [True, False]:
    case('indexPut', [T(4, 3, 2), [given([[0], [3]], torch.int64), given([1, -1], torch.int64)], T(2, 2, 2), {'accumulate': accumulate}],
         lambda x, indices, src, o: torch.index_put(x, indices, src, o['accumulate']))
    case('indexPut', [T(4, 3), [given([3, 0], torch.int64)], T(3), {'accumulate': accumulate}],
         lambda x, indices, src, o: torch.index_put(x, indices, src, o['accumulate']))
for shape, mask in [((3, 4), (3, 4)), ((4, 3), (4, 1)), ((6,), (6,))]:
    case('maskedScatter', [T(*shape), B(*mask), T(*shape)], lambda x, mask, src: torch.masked_scatter(x, mask, src))
    case('maskedSelect', [T(*shape), B(*mask), {'size': 20}],
         lambda x, mask, o: torch.cat([torch.masked_select(x, mask), torch.zeros(20, dtype=x.dtype)])[:20], kind='composed')
    case('nonzero', [B(*mask), {'size': 12}],
         lambda x, o: torch.cat([torch.nonzero(x), torch.zeros(12, x.dim(), dtype=torch.int64)])[:12], kind='composed')
