// One complex transform of any length, in double: Stockham's self-sorting algorithm with radices 4, 2, 3, 5,
// 7, 11 and 13 (Van Loan, Computational Frameworks for the FFT, 1.7), or Bluestein's chirp for lengths with
// larger prime factors. Real and imaginary parts lie apart, so that inner loops run over contiguous doubles.
#pragma once
#include "../ops/batch.h"
#include "../ops/trig.h"
#include "kernel.h"
#include "simd/vec.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Real and imaginary parts of a sequence.
struct Complex {
  double* re;
  double* im;
};

/// exp(-2 pi i k / n) at k = first, first + 1, …: angles are reduced in integers to an eighth of the circle.
inline void roots(Complex to, int64_t first, int64_t count, int64_t n, bool squares) {
  using V = simd::Vec<double>;
  constexpr int64_t L = V::kLanes;
  alignas(64) double angle[L], cosine[L], sine[L];
  int64_t quadrant[L];
  for (int64_t i = 0; i < count; i += L) {
    const int64_t size = minOf(L, count - i);
    for (int64_t j = 0; j < L; j++) {
      int64_t k = first + i + minOf(j, size - 1);
      // k² mod n, for chirps: 128 bits hold the square.
      if (squares)
        k = static_cast<int64_t>(static_cast<unsigned __int128>(k) * static_cast<uint64_t>(k) %
                                 static_cast<uint64_t>(n));
      const int64_t q = (4 * k + n / 2) / n;
      quadrant[j] = q & 3;
      angle[j] = static_cast<double>(4 * k - q * n) / static_cast<double>(n) * 1.5707963267948966;
    }
    const V a = simd::load<V>(angle);
    simd::store(cosine, math::cos(a));
    simd::store(sine, math::sin(a));
    for (int64_t j = 0; j < size; j++) {
      const double c = cosine[j], s = sine[j];
      const int64_t q = quadrant[j];
      to.re[i + j] = q == 0 ? c : q == 1 ? -s : q == 2 ? -c : s;
      to.im[i + j] = q == 0 ? -s : q == 1 ? -c : q == 2 ? s : c;
    }
  }
}

/// How a length is transformed; a function of the length alone.
struct FftPlan {
  int64_t length;  ///< of the transform asked for
  int64_t size;    ///< of the transform computed: length, or a power of two for Bluestein
  bool bluestein;
  int count;  ///< of radices
  int radix[64];

  /// Doubles of the tables: roots of `size`, and for Bluestein the chirp and its transform.
  int64_t tableDoubles() const { return 2 * size + (bluestein ? 2 * length + 2 * size : 0); }
  int64_t workDoubles() const { return 4 * size; }
};

inline FftPlan planFft(int64_t length) {
  FftPlan plan{length, length, false, 0, {}};
  int64_t rest = length;
  constexpr int kRadices[] = {4, 2, 3, 5, 7, 11, 13};
  for (const int r : kRadices)
    for (; rest > 1 && rest % r == 0; rest /= r) plan.radix[plan.count++] = r;
  if (rest <= 1) return plan;
  plan.bluestein = true;
  for (plan.size = 1; plan.size < 2 * length - 1;) plan.size *= 2;
  plan.count = 0;
  for (rest = plan.size; rest > 1;) {
    const int r = rest % 4 == 0 ? 4 : 2;
    plan.radix[plan.count++] = r;
    rest /= r;
  }
  return plan;
}

/// One pass of radix R: x holds m groups of R interleaved with stride `step`.
template <int R>
inline void fftPass(const Complex& x, const Complex& y, const Complex& w, int64_t m, int64_t step,
                    int64_t size) {
  double cosines[R][R], sines[R][R];
  if constexpr (R > 4) {
    for (int j = 0; j < R; j++)
      for (int k = 0; k < R; k++) {
        const int64_t at = static_cast<int64_t>(j * k % R) * (size / R);
        cosines[j][k] = w.re[at];
        sines[j][k] = w.im[at];
      }
  }
  for (int64_t p = 0; p < m; p++) {
    double c[R], s[R];
    for (int j = 1; j < R; j++) {
      c[j] = w.re[j * p * step];
      s[j] = w.im[j * p * step];
    }
    const double* __restrict__ const xr = x.re + step * p;
    const double* __restrict__ const xi = x.im + step * p;
    double* __restrict__ const yr = y.re + step * R * p;
    double* __restrict__ const yi = y.im + step * R * p;
    const int64_t gap = step * m;
    for (int64_t q = 0; q < step; q++) {
      double ar[R], ai[R], br[R], bi[R];
      for (int k = 0; k < R; k++) {
        ar[k] = xr[q + gap * k];
        ai[k] = xi[q + gap * k];
      }
      if constexpr (R == 2) {
        br[0] = ar[0] + ar[1], bi[0] = ai[0] + ai[1];
        br[1] = ar[0] - ar[1], bi[1] = ai[0] - ai[1];
      } else if constexpr (R == 3) {
        constexpr double kHalfRoot3 = 0.8660254037844386;
        const double tr = ar[1] + ar[2], ti = ai[1] + ai[2];
        const double mr = ar[0] - 0.5 * tr, mi = ai[0] - 0.5 * ti;
        const double dr = kHalfRoot3 * (ai[1] - ai[2]), di = kHalfRoot3 * (ar[2] - ar[1]);
        br[0] = ar[0] + tr, bi[0] = ai[0] + ti;
        br[1] = mr + dr, bi[1] = mi + di;
        br[2] = mr - dr, bi[2] = mi - di;
      } else if constexpr (R == 4) {
        const double er = ar[0] + ar[2], ei = ai[0] + ai[2], fr = ar[0] - ar[2], fi = ai[0] - ai[2];
        const double gr = ar[1] + ar[3], gi = ai[1] + ai[3], hr = ar[1] - ar[3], hi = ai[1] - ai[3];
        br[0] = er + gr, bi[0] = ei + gi;
        br[1] = fr + hi, bi[1] = fi - hr;
        br[2] = er - gr, bi[2] = ei - gi;
        br[3] = fr - hi, bi[3] = fi + hr;
      } else {
        for (int j = 0; j < R; j++) {
          double re = ar[0], im = ai[0];
          for (int k = 1; k < R; k++) {
            re += ar[k] * cosines[j][k] - ai[k] * sines[j][k];
            im += ar[k] * sines[j][k] + ai[k] * cosines[j][k];
          }
          br[j] = re, bi[j] = im;
        }
      }
      yr[q] = br[0];
      yi[q] = bi[0];
      for (int j = 1; j < R; j++) {
        yr[q + step * j] = br[j] * c[j] - bi[j] * s[j];
        yi[q + step * j] = br[j] * s[j] + bi[j] * c[j];
      }
    }
  }
}

/// The forward transform of x, of plan.size; x and y are overwritten, the result's place is returned.
inline Complex fftPasses(const FftPlan& plan, const Complex& w, Complex x, Complex y) {
  int64_t m = plan.size, step = 1;
  for (int i = 0; i < plan.count; i++) {
    const int r = plan.radix[i];
    m /= r;
    switch (r) {
      case 2:
        fftPass<2>(x, y, w, m, step, plan.size);
        break;
      case 3:
        fftPass<3>(x, y, w, m, step, plan.size);
        break;
      case 4:
        fftPass<4>(x, y, w, m, step, plan.size);
        break;
      case 5:
        fftPass<5>(x, y, w, m, step, plan.size);
        break;
      case 7:
        fftPass<7>(x, y, w, m, step, plan.size);
        break;
      case 11:
        fftPass<11>(x, y, w, m, step, plan.size);
        break;
      default:
        fftPass<13>(x, y, w, m, step, plan.size);
    }
    step *= r;
    const Complex held = x;
    x = y;
    y = held;
  }
  return x;
}

/// The tables of a plan: in scratch, shared by all rows.
struct FftTables {
  Complex roots, chirp, filter;
};

inline FftTables tablesAt(const FftPlan& plan, double* memory) {
  FftTables t{{memory, memory + plan.size}, {}, {}};
  double* const more = memory + 2 * plan.size;
  t.chirp = {more, more + plan.length};
  t.filter = {more + 2 * plan.length, more + 2 * plan.length + plan.size};
  return t;
}

/// Fills the tables; `work` holds plan.workDoubles().
inline void fillTables(Stream& s, const FftPlan& plan, const FftTables& t, double* work) {
  constexpr int64_t kPart = 4096;
  const auto fill = [&](Complex to, int64_t count, int64_t n, bool squares) {
    parallelFor(s, ceilDiv(count, kPart), [&](int64_t c) {
      const int64_t from = c * kPart;
      roots({to.re + from, to.im + from}, from, minOf(kPart, count - from), n, squares);
    });
  };
  fill(t.roots, plan.size, plan.size, false);
  if (!plan.bluestein) return;
  const int64_t n = plan.length, size = plan.size;
  fill(t.chirp, n, 2 * n, true);
  const Complex x{work, work + size}, y{work + 2 * size, work + 3 * size};
  for (int64_t i = 0; i < 2 * size; i++) work[i] = 0;
  for (int64_t i = 0; i < n; i++) {
    const int64_t mirror = i == 0 ? 0 : size - i;
    x.re[i] = x.re[mirror] = t.chirp.re[i];
    x.im[i] = x.im[mirror] = -t.chirp.im[i];
  }
  const Complex spectrum = fftPasses(plan, t.roots, x, y);
  for (int64_t i = 0; i < size; i++) {
    t.filter.re[i] = spectrum.re[i] / static_cast<double>(size);
    t.filter.im[i] = spectrum.im[i] / static_cast<double>(size);
  }
}

/// The forward transform of the first plan.length elements of x (which holds plan.size, like y).
inline Complex transform(const FftPlan& plan, const FftTables& t, Complex x, Complex y) {
  if (!plan.bluestein) return fftPasses(plan, t.roots, x, y);
  const int64_t n = plan.length, size = plan.size;
  for (int64_t i = 0; i < n; i++) {
    const double re = x.re[i], im = x.im[i];
    x.re[i] = re * t.chirp.re[i] - im * t.chirp.im[i];
    x.im[i] = re * t.chirp.im[i] + im * t.chirp.re[i];
  }
  for (int64_t i = n; i < size; i++) x.re[i] = x.im[i] = 0;
  const Complex a = fftPasses(plan, t.roots, x, y);
  const Complex b = a.re == x.re ? y : x;
  // Exchanging the parts before and after turns the forward transform into the inverse.
  for (int64_t i = 0; i < size; i++) {
    const double re = a.re[i] * t.filter.re[i] - a.im[i] * t.filter.im[i];
    const double im = a.re[i] * t.filter.im[i] + a.im[i] * t.filter.re[i];
    a.re[i] = im;
    a.im[i] = re;
  }
  const Complex c = fftPasses(plan, t.roots, a, b);
  for (int64_t i = 0; i < n; i++) {
    const double re = c.im[i], im = c.re[i];
    c.re[i] = re * t.chirp.re[i] - im * t.chirp.im[i];
    c.im[i] = re * t.chirp.im[i] + im * t.chirp.re[i];
  }
  return c;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
