import torch
import torch.nn.functional as F
from parity import I, T, case

for start, end, steps in [(0, 1, 5), (-3, 7.5, 11), (2, -1, 4)]:
    case('linspace', [start, end, steps, {'dtype': 'float64'}],
         lambda a, b, n, o: torch.linspace(a, b, n, dtype=torch.float64))
    case('logspace', [start, end, steps, {'dtype': 'float64', 'base': 2.5}],
         lambda a, b, n, o: torch.logspace(a, b, n, base=o['base'], dtype=torch.float64))
for rows, columns, offset in [(3, 4, 0), (5, 3, -1), (2, 5, 2)]:
    case('trilIndices', [rows, columns, {'offset': offset}], lambda r, c, o: torch.tril_indices(r, c, o['offset']))
    case('triuIndices', [rows, columns, {'offset': offset}], lambda r, c, o: torch.triu_indices(r, c, o['offset']))
for indexing in ['ij', 'xy']:
    case('meshgrid', [[T(3), T(2), T(4)], {'indexing': indexing}],
         lambda xs, o: torch.meshgrid(*xs, indexing=o['indexing']))
case('meshgrid', [[T(3)]], lambda xs: torch.meshgrid(*xs, indexing='ij'))
for sizes in [(3, 2), (2, 2, 3), (4,)]:
    case('cartesianProd', [[T(n) for n in sizes]], lambda xs: torch.cartesian_prod(*xs))
for shape in [(5,), (2, 3), (1, 2, 2)]:
    case('oneHot', [I(0, 4, *shape), 4], F.one_hot)
