import torch
from parity import T, case

real, pairs = torch.view_as_real, torch.view_as_complex


def opts(o):
    return dict(n=o.get('n'), dim=o.get('axis', -1), norm=o.get('norm', 'backward'))


def opts2(o):
    return dict(s=o.get('s'), dim=o.get('axis', [-2, -1]), norm=o.get('norm', 'backward'))


for o in [{}, {'n': 7, 'norm': 'ortho'}, {'n': 2, 'axis': 0, 'norm': 'forward'}]:
    for name in ['fft', 'ifft', 'irfft']:
        fn = getattr(torch.fft, name)
        out = (lambda y: y) if name == 'irfft' else real
        case(name, [T(3, 4, 2), o], lambda x, o, fn=fn, out=out: out(fn(pairs(x), **opts(o))), kind='composed')
    case('rfft', [T(3, 4), o], lambda x, o: real(torch.fft.rfft(x, **opts(o))), kind='composed')
for o in [{}, {'s': [2, 5], 'norm': 'ortho'}, {'axis': [2, 0]}]:
    for name in ['fft2', 'ifft2', 'irfft2']:
        fn = getattr(torch.fft, name)
        out = (lambda y: y) if name == 'irfft2' else real
        case(name, [T(3, 2, 4, 2), o], lambda x, o, fn=fn, out=out: out(fn(pairs(x), **opts2(o))), kind='composed')
    case('rfft2', [T(3, 2, 4), o], lambda x, o: real(torch.fft.rfft2(x, **opts2(o))), kind='composed')
for shape, axis in [((4,), 0), ((3, 4), [0, 1]), ((5, 2), 0)]:
    case('fftshift', [T(*shape), {'axis': axis}], lambda x, o: torch.fft.fftshift(x, o['axis']))
    case('ifftshift', [T(*shape), {'axis': axis}], lambda x, o: torch.fft.ifftshift(x, o['axis']))
    case('complexAbs', [T(*shape, 2)], lambda x: pairs(x).abs(), kind='composed')
    case('complexMul', [T(*shape, 2), T(*shape, 2)], lambda a, b: real(pairs(a) * pairs(b)), kind='composed')
    case('complexConj', [T(*shape, 2)], lambda x: real(pairs(x).conj().resolve_conj()), kind='composed')
    case('complex', [T(*shape), T(*shape)], lambda a, b: real(torch.complex(a, b)), kind='composed')

for n, o in [(8, {}), (6, {'hopLength': 2, 'normalized': True}), (5, {'winLength': 4, 'hopLength': 1, 'onesided': False})]:
    def torch_options(o, n):
        return dict(hop_length=o.get('hopLength'), win_length=o.get('winLength'), normalized=o.get('normalized', False),
                    onesided=o.get('onesided', True), window=torch.ones(o.get('winLength', n), dtype=torch.float64))

    bins = n // 2 + 1 if o.get('onesided', True) else n
    case('stft', [T(2, 12), n, o],
         lambda x, n, o: real(torch.stft(x, n, return_complex=True, pad_mode='reflect', **torch_options(o, n))), kind='composed')
    case('istft', [T(2, bins, 5, 2), n, o],
         lambda x, n, o: torch.istft(pairs(x), n, **torch_options(o, n)), kind='composed')

for n in [1, 4, 7]:
    for name in ['hann', 'hamming', 'blackman', 'bartlett', 'kaiser']:
        for periodic in [True, False]:
            case(f'{name}Window', [n, {'periodic': periodic, 'dtype': 'float64'}],
                 lambda n, o, fn=getattr(torch, f'{name}_window'): fn(n, periodic=o['periodic'], dtype=torch.float64))
    for name in ['fftfreq', 'rfftfreq']:
        case(name, [n, {'d': 0.5, 'dtype': 'float64'}],
             lambda n, o, fn=getattr(torch.fft, name): fn(n, d=o['d'], dtype=torch.float64))
