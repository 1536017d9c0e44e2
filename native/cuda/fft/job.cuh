// What the kernels of transforms share: how a row of tensor elements becomes the sequence that is
// transformed, how the spectrum becomes elements, and the passes of one block. Complex numbers of float32 and
// float64 alike are doubles in between.
#pragma once
#include "../../ops/trig.h"
#include "../wg/block.h"
#include "plan.h"

namespace wg::cuda {

enum class FftKind : int32_t { complex, real, inverseReal, filter };

/// One side of a transform: rows of elements, or of pairs.
struct FftRows {
  char* data;
  int64_t count;  ///< elements or pairs of a row
  int64_t step;   ///< between them
  int64_t part;   ///< to the imaginary part
  Offsets<1, uint64_t> row;
};

/// Everything but the stage at hand.
struct FftJob {
  FftPlan plan;
  FftKind kind;
  bool isFloat, inverse;
  int64_t length;  ///< of the row in real or complex numbers, which plan.length halves for real ones
  int64_t half;    ///< length / 2 where a real row of even length goes as a complex one, else 0
  double scale;
  FftRows x, out;
  Complex *roots, *twist, *chirp, *filter;  ///< tables in scratch
};

/// exp(-2 pi i k / n): the angle is reduced in integers to an eighth of the circle.
WG_DEV Complex rootOf(int64_t k, int64_t n) {
  const int64_t q = (4 * k + n / 2) / n;
  const double angle = static_cast<double>(4 * k - q * n) / static_cast<double>(n) * 1.5707963267948966;
  double s, c;
  math::sineCosine(angle, s, c);
  switch (q & 3) {
    case 0:
      return {c, -s};
    case 1:
      return {-s, -c};
    case 2:
      return {-c, s};
    default:
      return {s, c};
  }
}

WG_DEV double elementAt(const FftJob& job, int64_t at) {
  return job.isFloat ? static_cast<double>(reinterpret_cast<const float*>(job.x.data)[at])
                     : reinterpret_cast<const double*>(job.x.data)[at];
}
WG_DEV void putElement(const FftJob& job, int64_t at, double value) {
  if (job.isFloat) reinterpret_cast<float*>(job.out.data)[at] = static_cast<float>(value);
  else reinterpret_cast<double*>(job.out.data)[at] = value;
}

/// Element `i` of the sequence whose forward transform is wanted, from the row that begins at `row`. The
/// parts change places on the way in and out where the inverse is wanted.
WG_DEV Complex sequenceAt(const FftJob& job, int64_t row, int64_t i) {
  const FftRows& x = job.x;
  if (job.kind == FftKind::complex) {
    if (i >= x.count) return {0, 0};
    const int64_t at = row + i * x.step;
    const Complex value{elementAt(job, at), elementAt(job, at + x.part)};
    return job.inverse ? swapped(value) : value;
  }
  if (job.kind == FftKind::real) {
    const auto value = [&](int64_t k) {
      return k < x.count && k < job.length ? elementAt(job, row + k * x.step) : 0.0;
    };
    return job.half ? Complex{value(2 * i), value(2 * i + 1)} : Complex{value(i), 0};
  }
  const auto re = [&](int64_t k) { return k < x.count ? elementAt(job, row + k * x.step) : 0.0; };
  const auto im = [&](int64_t k) {
    return k < x.count && k > 0 && 2 * k != job.length ? elementAt(job, row + k * x.step + x.part) : 0.0;
  };
  if (!job.half) {
    if (i <= job.length / 2) return {im(i), re(i)};
    return {-im(job.length - i), re(job.length - i)};
  }
  const double xr = re(i), xi = im(i), yr = re(job.half - i), yi = -im(job.half - i);
  const Complex w = job.twist[i];
  const double dr = xr - yr, di = xi - yi;
  const double oddRe = dr * w.re + di * w.im, oddIm = di * w.re - dr * w.im;
  return {xi + yi + oddRe, xr + yr - oddIm};
}

/// Element `i` of what the passes get: the sequence, for Bluestein times the chirp and with zeros behind it,
/// or the filter's own.
WG_DEV Complex enter(const FftJob& job, int64_t row, int64_t i) {
  const int64_t n = job.plan.length;
  if (job.kind == FftKind::filter) {
    const int64_t k = i < n ? i : job.plan.size - i;
    if (k >= n) return {0, 0};
    return {job.chirp[k].re, -job.chirp[k].im};
  }
  if (i >= n) return {0, 0};
  const Complex value = sequenceAt(job, row, i);
  return job.plan.bluestein ? value * job.chirp[i] : value;
}

/// Between the two transforms of Bluestein: the second is an inverse, hence the exchange of parts.
WG_DEV Complex filtered(const FftJob& job, Complex value, int64_t i) {
  return swapped(value * job.filter[i]);
}

/// Elements that leave() writes to a row.
WG_BOTH int64_t leaving(const FftJob& job) {
  return job.kind == FftKind::filter ? job.plan.size : job.out.count;
}

/// Writes element `k` of the row that begins at `row`; passed(i) is what the passes made.
template <class F>
WG_DEV void leave(const FftJob& job, int64_t row, int64_t k, F passed) {
  if (job.kind == FftKind::filter) {
    const Complex z = passed(k);
    const double size = static_cast<double>(job.plan.size);
    job.filter[k] = {z.re / size, z.im / size};
    return;
  }
  const auto spectrum = [&](int64_t i) {
    return job.plan.bluestein ? swapped(passed(i)) * job.chirp[i] : passed(i);
  };
  const FftRows& out = job.out;
  const int64_t at = row + k * out.step, n = job.length, h = job.half;
  if (job.kind == FftKind::inverseReal) {
    double value = 0;
    if (k < n) {
      const Complex z = spectrum(h ? k / 2 : k);
      value = h && k % 2 ? z.re : z.im;
    }
    return putElement(job, at, value * job.scale);
  }
  Complex y{0, 0};
  if (job.kind == FftKind::complex) {
    if (k < n) y = spectrum(k);
    if (job.inverse) y = swapped(y);
  } else if (!h) {
    if (k <= n / 2) y = spectrum(k);
  } else if (k <= h) {
    const Complex z = spectrum(k == h ? 0 : k), mirror = spectrum(k == 0 ? 0 : h - k), w = job.twist[k];
    const double evenRe = z.re + mirror.re, evenIm = z.im - mirror.im;
    const double oddRe = z.im + mirror.im, oddIm = mirror.re - z.re;
    y.re = 0.5 * (evenRe + (oddRe * w.re - oddIm * w.im));
    y.im = k == 0 || k == h ? 0 : 0.5 * (evenIm + (oddRe * w.im + oddIm * w.re));
  }
  putElement(job, at, y.re * job.scale);
  putElement(job, at + out.part, y.im * job.scale);
}

/// How a pass of one radix goes over a sequence of `size` elements: m groups of R, interleaved with stride
/// `step`.
struct FftPass {
  const Complex* roots;
  int64_t rootStep;  ///< in the table of roots for one turn / size
  int64_t turn;      ///< size of the table
  int m, step;
};

/// Butterfly q of group p, of radix R.
template <int R>
WG_DEV void butterfly(const FftPass& pass, const Complex* x, Complex* y, int p, int q) {
  Complex a[R];
  const int gap = pass.step * pass.m;
  WG_UNROLL
  for (int k = 0; k < R; k++) a[k] = x[q + pass.step * p + gap * k];
  Complex* const to = y + q + pass.step * R * p;
  const int64_t angle = static_cast<int64_t>(p) * pass.step * pass.rootStep;
  if constexpr (R > 4) {
    // Sums one after another: registers for all of them would leave room for few threads.
    for (int j = 0; j < R; j++) {
      Complex sum = a[0];
      WG_UNROLL
      for (int k = 1, turns = j; k < R; k++) {
        const Complex term = a[k] * pass.roots[pass.turn / R * turns];
        sum = {sum.re + term.re, sum.im + term.im};
        turns = turns + j < R ? turns + j : turns + j - R;
      }
      to[pass.step * j] = sum * pass.roots[angle * j];
    }
    return;
  }
  Complex b[4];
  if constexpr (R == 2) {
    b[0] = {a[0].re + a[1].re, a[0].im + a[1].im};
    b[1] = {a[0].re - a[1].re, a[0].im - a[1].im};
  } else if constexpr (R == 3) {
    constexpr double kHalfRoot3 = 0.8660254037844386;
    const double tr = a[1].re + a[2].re, ti = a[1].im + a[2].im;
    const double mr = a[0].re - 0.5 * tr, mi = a[0].im - 0.5 * ti;
    const double dr = kHalfRoot3 * (a[1].im - a[2].im), di = kHalfRoot3 * (a[2].re - a[1].re);
    b[0] = {a[0].re + tr, a[0].im + ti};
    b[1] = {mr + dr, mi + di};
    b[2] = {mr - dr, mi - di};
  } else {
    const double er = a[0].re + a[2].re, ei = a[0].im + a[2].im;
    const double fr = a[0].re - a[2].re, fi = a[0].im - a[2].im;
    const double gr = a[1].re + a[3].re, gi = a[1].im + a[3].im;
    const double hr = a[1].re - a[3].re, hi = a[1].im - a[3].im;
    b[0] = {er + gr, ei + gi};
    b[1] = {fr + hi, fi - hr};
    b[2] = {er - gr, ei - gi};
    b[3] = {fr - hi, fi + hr};
  }
  to[0] = b[0];
  WG_UNROLL
  for (int j = 1; j < (R < 4 ? R : 4); j++) to[pass.step * j] = b[j] * pass.roots[angle * j];
}

/// Transforms `lanes` sequences of stage.size, `pitch` apart in shared memory; a and b are overwritten. Where
/// the result lies is returned. Begins and ends with all threads at a barrier.
WG_DEV Complex* runStage(const FftStage& stage, const Complex* roots, int64_t turn, Complex* a, Complex* b,
                         int pitch, int lanes) {
  FftPass pass{roots, turn / stage.size, turn, stage.size, 1};
  for (int i = 0; i < stage.count; i++) {
    const int radix = stage.radix[i], each = stage.size / radix;
    pass.m /= radix;
    for (int t = static_cast<int>(threadIdx.x); t < lanes * each; t += static_cast<int>(blockDim.x)) {
      const int lane = t / each, rest = t - lane * each, p = rest / pass.step, q = rest - p * pass.step;
      const Complex* const x = a + lane * pitch;
      Complex* const y = b + lane * pitch;
      switch (radix) {
        case 2:
          butterfly<2>(pass, x, y, p, q);
          break;
        case 3:
          butterfly<3>(pass, x, y, p, q);
          break;
        case 4:
          butterfly<4>(pass, x, y, p, q);
          break;
        case 5:
          butterfly<5>(pass, x, y, p, q);
          break;
        case 7:
          butterfly<7>(pass, x, y, p, q);
          break;
        case 11:
          butterfly<11>(pass, x, y, p, q);
          break;
        default:
          butterfly<13>(pass, x, y, p, q);
      }
    }
    syncBlock();
    pass.step *= radix;
    Complex* const held = a;
    a = b;
    b = held;
  }
  return a;
}

}  // namespace wg::cuda
