import torch
from parity import I, T, case, given

for shape, source, target in [((2, 3, 4), 0, -1), ((2, 3, 4, 1), [0, -1], [2, 0]), ((3, 2), [1, 0], [0, 1])]:
    case('movedim', [T(*shape), source, target], lambda x, a, b: torch.movedim(x, a, b))
for shape, axis, sizes in [((2, 6), -1, [3, 2]), ((6, 2), 0, [2, 1, 3]), ((4,), 0, [2, -1])]:
    case('unflatten', [T(*shape), axis, sizes], lambda x, axis, sizes: torch.nn.Unflatten(axis, tuple(sizes))(x) if axis >= 0 else x.unflatten(axis, sizes), kind='native')
for shape, axes in [((2, 3, 4), [0, -1]), ((5,), [0]), ((2, 3), [1])]:
    case('flip', [T(*shape), axes], lambda x, axes: torch.flip(x, axes))
for shape in [(3, 4), (2, 3, 2), (1, 5)]:
    case('fliplr', [T(*shape)], torch.fliplr)
    case('flipud', [T(*shape)], torch.flipud)
for shape, times, axes in [((2, 3), 1, [0, 1]), ((2, 3, 4), 3, [2, 0]), ((3, 2), -2, [0, 1])]:
    case('rot90', [T(*shape), times, axes], lambda x, times, axes: torch.rot90(x, times, axes))
for shape, size, axis in [((2, 7), 3, 1), ((5, 2), [2, 0, 3], 0), ((4,), 9, -1)]:
    case('split', [T(*shape), size, axis], lambda x, size, axis: torch.split(x, size, axis))
for shape, count, axis in [((2, 7), 3, 1), ((6,), 4, 0), ((4, 2), 2, -2)]:
    case('chunk', [T(*shape), count, axis], lambda x, count, axis: torch.chunk(x, count, axis))
    case('unbind', [T(*shape), axis], lambda x, axis: torch.unbind(x, axis))
for shape, sections, axis in [((2, 7), 3, 1), ((7, 2), [2, -1, 5], 0), ((3,), 4, 0)]:
    case('tensorSplit', [T(*shape), sections, axis], lambda x, sections, axis: torch.tensor_split(x, sections, axis))
for sections in [2, [1], [1, 3]]:
    case('hsplit', [T(2, 4, 2), sections], torch.hsplit)
    case('vsplit', [T(4, 2), sections], torch.vsplit)
    case('dsplit', [T(2, 1, 4), sections], torch.dsplit)
case('hsplit', [T(6), 3], torch.hsplit)
for shape, o in [((3, 4), {'offset': 1}), ((3, 2, 4), {'offset': -1, 'axis1': -1, 'axis2': 0}), ((4, 3), {})]:
    case('diagonal', [T(*shape), o], lambda x, o: torch.diagonal(x, o.get('offset', 0), o.get('axis1', 0), o.get('axis2', 1)))
for shape, o in [((3,), {'offset': 1}), ((2, 3), {'offset': -2, 'axis1': 0, 'axis2': -1}), ((2, 2), {})]:
    case('diagEmbed', [T(*shape), o], lambda x, o: torch.diag_embed(x, o.get('offset', 0), o.get('axis1', -2), o.get('axis2', -1)))
for shape, offset in [((3,), 1), ((3, 4), -1), ((2, 2), 0)]:
    case('diag', [T(*shape), offset], torch.diag)
    case('diagflat', [T(*shape), offset], torch.diagflat)
for shape in [(3, 4), (2, 2), (1, 4)]:
    case('trace', [T(*shape)], torch.trace)
for shape, diagonal in [((3, 4), 1), ((2, 4, 3), -1), ((3, 3), 0)]:
    case('tril', [T(*shape), diagonal], torch.tril)
    case('triu', [T(*shape), diagonal], torch.triu)
for shape, axis, size, step in [((2, 7, 2), 1, 3, 2), ((7,), 0, 2, 3), ((2, 5), -1, 4, 1)]:
    case('unfold', [T(*shape), axis, size, step], lambda x, axis, size, step: x.unfold(axis, size, step))
for shape, sizes, strides, start in [((2, 5), [3, 3], [2, 1], 1), ((6,), [2, 3], [0, 1], 2), ((12,), [3, 3], [2, 3], 0)]:
    case('asStrided', [T(*shape), sizes, strides, start], torch.as_strided)
for shape, counts in [((2, 3), [2, 3, 2]), ((3,), [2]), ((1, 2, 2), [2, 1, 3])]:
    case('repeat', [T(*shape), counts], lambda x, counts: x.repeat(*counts))
    case('tile', [T(*shape), counts[-1:]], lambda x, counts: torch.tile(x, counts))
for shape, repeats, o in [((2, 3), 2, {}), ((2, 3, 2), 3, {'axis': 1}), ((3, 2), given([1, 0, 3], torch.int64), {'axis': 0, 'outputSize': 4})]:
    case('repeatInterleave', [T(*shape), repeats, o], lambda x, repeats, o: torch.repeat_interleave(x, repeats, o.get('axis')))
for shape, shifts, axis in [((3, 4, 2), [1, -3, 7], [0, 1, 0]), ((5,), -1, 0), ((2, 3), 2, 1)]:
    case('roll', [T(*shape), shifts, axis], lambda x, shifts, axis: torch.roll(x, shifts, axis))
case('roll', [T(2, 3), 2], lambda x, shifts: torch.roll(x, shifts))
for shape in [(2, 3), (3,), (2, 2, 2)]:
    case('hstack', [[T(*shape), T(*shape)]], torch.hstack)
    case('vstack', [[T(*shape), T(*shape)]], torch.vstack)
    case('dstack', [[T(*shape), T(*shape)]], torch.dstack)
    case('columnStack', [[T(*shape), T(*shape)]], torch.column_stack)
for a, b in [((2, 1), (3,)), ((4,), ()), ((2, 1, 3), (4, 1))]:
    case('broadcastTensors', [[T(*a), T(*b)]], lambda tensors: torch.broadcast_tensors(*tensors))
for shape in [(), (3,), (2, 3)]:
    case('atLeast1d', [T(*shape)], torch.atleast_1d)
    case('atLeast2d', [T(*shape)], torch.atleast_2d)
    case('atLeast3d', [T(*shape)], torch.atleast_3d)
for shape, other in [((3,), (2, 3)), ((2, 1), (2, 4)), ((1,), (3, 2))]:
    case('expandAs', [T(*shape), I(0, 2, *other)], lambda x, other: x.expand_as(other))
for shape, other in [((2, 6), (3, 4)), ((4,), (2, 2)), ((2, 3), (6,))]:
    case('viewAs', [T(*shape), I(0, 2, *other)], lambda x, other: x.view_as(other))
    case('reshapeAs', [T(*shape), I(0, 2, *other)], lambda x, other: x.reshape_as(other))
for shape in [(2, 3, 4), (6,), (3, 1)]:
    size = torch.Size(shape).numel()
    case('view', [T(*shape), [size]], lambda x, shape: x.view(shape))
    case('reshape', [T(*shape), [-1, 1]], lambda x, shape: x.reshape(shape))
    case('flatten', [T(*shape)], torch.flatten)
    case('permute', [T(*shape), list(range(len(shape)))[::-1]], lambda x, order: x.permute(order))
    case('expand', [T(*shape), [2, *shape]], lambda x, shape: x.expand(shape))
    case('broadcastTo', [T(*shape), [2, *shape]], torch.broadcast_to)
    case('squeeze', [T(*shape)], torch.squeeze)
    case('unsqueeze', [T(*shape), -1], torch.unsqueeze)
    case('narrow', [T(*shape), 0, 1, 1], torch.narrow)
    case('select', [T(*shape), 0, -1], torch.select)
    case('cat', [[T(*shape), T(*shape)], -1], torch.cat)
    case('stack', [[T(*shape), T(*shape)], -1], torch.stack)
    case('slice', [T(*shape), [[1, None]]], lambda x, ranges: x[1:], kind='composed')
    case('copySlice', [T(*shape), T(*shape[1:]), [[1, 2]]], lambda x, src, ranges: torch.cat([x[:1], src[None], x[2:]]), kind='composed')
    case('clone', [T(*shape)], torch.clone)
for shape, a, b in [((2, 3, 4), 0, 2), ((3, 2), -2, -1), ((2, 2, 2), 1, 0)]:
    case('transpose', [T(*shape), a, b], torch.transpose)
