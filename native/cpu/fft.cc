// Complex and real Fourier transforms of rows. A real row of even length is one complex row of half the
// length, whose spectrum is then taken apart (and put together again for the inverse).
#include "../ops/rows/fft.h"

#include "fft_plan.h"

WG_PROTOTYPES(WG_FFT_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// Rows up to this many doubles of working memory are done in the thread's own scratch.
constexpr int64_t kOwnDoubles = static_cast<int64_t>(kWorkerScratchBytes / sizeof(double));

/// A transform of rows: the plan, and for real rows of even length the roots of the whole length.
struct RowPlan {
  FftPlan plan;
  int64_t length, half;  ///< half: n / 2 where the plan is for half the length, else 0
  int64_t tables() const { return plan.tableDoubles() + (half ? 2 * (half + 1) : 0); }
  bool own() const { return plan.workDoubles() <= kOwnDoubles; }
  int64_t doubles(int64_t rows) const {
    // The tables are filled with the help of one slab.
    return tables() + plan.workDoubles() * (own() ? 1 : minOf(maxOf(rows, 1), kSlabs));
  }
};
RowPlan rowPlan(int64_t length, bool real) {
  const bool halved = real && length % 2 == 0;
  return {planFft(halved ? length / 2 : length), length, halved ? length / 2 : 0};
}
size_t scratchFor(int64_t length, bool real, int64_t rows) {
  if (length < 1) return 0;
  return static_cast<size_t>(rowPlan(length, real).doubles(rows)) * sizeof(double);
}

/// body(row, x, y) for every row, with working memory of plan.size complex numbers each.
template <class Body>
void forEachSpectrum(Stream& s, const RowPlan& p, int64_t rows, Body&& body) {
  double* const work = static_cast<double*>(s.scratch) + p.tables();
  const int64_t size = p.plan.size;
  const auto run = [&](int64_t row, double* memory) {
    body(row, Complex{memory, memory + size}, Complex{memory + 2 * size, memory + 3 * size});
  };
  if (p.own()) {
    const int64_t group = maxOf(1, 8192 / size);
    const auto chunk = [&](int64_t c) {
      void* const own = workerScratch();
      if (!own) return fail(s, Code::outOfMemory, "fft: no memory for a working buffer");
      for (int64_t i = c * group, end = minOf(rows, i + group); i < end; i++)
        run(i, static_cast<double*>(own));
    };
    if (rows <= group) return chunk(0);
    return parallelFor(s, ceilDiv(rows, group), chunk);
  }
  const int64_t slabs = minOf(rows, kSlabs);
  parallelFor(s, slabs, [&](int64_t c) {
    for (int64_t i = c; i < rows; i += slabs) run(i, work + c * p.plan.workDoubles());
  });
}

FftTables prepare(Stream& s, const RowPlan& p, Complex& twist) {
  double* const memory = static_cast<double*>(s.scratch);
  const FftTables t = tablesAt(p.plan, memory);
  fillTables(s, p.plan, t, memory + p.tables());
  double* const more = memory + p.plan.tableDoubles();
  twist = {more, more + p.half + 1};
  if (p.half) roots(twist, 0, p.half + 1, p.length, false);
  return t;
}

/// The first n complex numbers of a row; zeros where it is shorter.
template <class T>
void readComplex(Complex to, const T* from, int64_t have, int64_t n, int64_t step, int64_t part) {
  const int64_t m = minOf(have, n);
  for (int64_t i = 0; i < m; i++) {
    to.re[i] = static_cast<double>(from[i * step]);
    to.im[i] = static_cast<double>(from[i * step + part]);
  }
  for (int64_t i = maxOf(m, 0); i < n; i++) to.re[i] = to.im[i] = 0;
}
template <class T>
void writeComplex(T* to, int64_t room, int64_t step, int64_t part, Complex from, int64_t n, double scale) {
  const int64_t m = minOf(room, n);
  for (int64_t i = 0; i < m; i++) {
    to[i * step] = static_cast<T>(from.re[i] * scale);
    to[i * step + part] = static_cast<T>(from.im[i] * scale);
  }
  for (int64_t i = m; i < room; i++) to[i * step] = to[i * step + part] = T(0);
}

Complex swapped(Complex x) { return {x.im, x.re}; }

template <class T>
void complexRows(Stream& s, const View& out, const View& x, int64_t n, bool inverse, double scale) {
  const RowPlan p = rowPlan(n, false);
  Complex twist;
  const FftTables t = prepare(s, p, twist);
  const int r = out.rank - 2;
  forEachSpectrum(s, p, batchOf(out, 2), [&](int64_t row, Complex a, Complex b) {
    if (inverse) a = swapped(a);
    readComplex(a, static_cast<const T*>(x.data) + offsetOf(x, 2, row), x.shape[r], n, x.stride[r],
                x.stride[r + 1]);
    if (inverse) a = swapped(a);
    Complex result = transform(p.plan, t, a, b);
    if (inverse) result = swapped(result);
    writeComplex(static_cast<T*>(out.data) + offsetOf(out, 2, row), out.shape[r], out.stride[r],
                 out.stride[r + 1], result, n, scale);
  });
}

template <class T>
void realRows(Stream& s, const View& out, const View& x, int64_t n, double scale) {
  const RowPlan p = rowPlan(n, true);
  Complex twist;
  const FftTables t = prepare(s, p, twist);
  const int r = out.rank - 2;
  const int64_t have = minOf(x.shape[r], n), step = x.stride[r], h = p.half;
  forEachSpectrum(s, p, batchOf(out, 2), [&](int64_t row, Complex a, Complex b) {
    const T* const from = static_cast<const T*>(x.data) + offsetOf(x, 1, row);
    const auto value = [&](int64_t i) { return i < have ? static_cast<double>(from[i * step]) : 0.0; };
    T* const to = static_cast<T*>(out.data) + offsetOf(out, 2, row);
    if (!h) {
      for (int64_t i = 0; i < n; i++) a.re[i] = value(i), a.im[i] = 0;
      writeComplex(to, out.shape[r], out.stride[r], out.stride[r + 1], transform(p.plan, t, a, b), n / 2 + 1,
                   scale);
      return;
    }
    for (int64_t i = 0; i < h; i++) a.re[i] = value(2 * i), a.im[i] = value(2 * i + 1);
    const Complex z = transform(p.plan, t, a, b);
    const int64_t count = minOf(out.shape[r], h + 1);
    for (int64_t k = 0; k < out.shape[r]; k++) {
      double re = 0, im = 0;
      if (k < count) {
        const int64_t i = k == h ? 0 : k, j = k == 0 ? 0 : h - k;
        const double evenRe = z.re[i] + z.re[j], evenIm = z.im[i] - z.im[j];
        const double oddRe = z.im[i] + z.im[j], oddIm = z.re[j] - z.re[i];
        re = 0.5 * (evenRe + (oddRe * twist.re[k] - oddIm * twist.im[k]));
        im = 0.5 * (evenIm + (oddRe * twist.im[k] + oddIm * twist.re[k]));
        if (k == 0 || k == h) im = 0;
      }
      to[k * out.stride[r]] = static_cast<T>(re * scale);
      to[k * out.stride[r] + out.stride[r + 1]] = static_cast<T>(im * scale);
    }
  });
}

template <class T>
void inverseRealRows(Stream& s, const View& out, const View& x, int64_t n, double scale) {
  const RowPlan p = rowPlan(n, true);
  Complex twist;
  const FftTables t = prepare(s, p, twist);
  const int r = x.rank - 2;
  const int64_t h = p.half, have = minOf(x.shape[r], n / 2 + 1), room = out.shape[r], step = out.stride[r];
  forEachSpectrum(s, p, batchOf(x, 2), [&](int64_t row, Complex a, Complex b) {
    const T* const from = static_cast<const T*>(x.data) + offsetOf(x, 2, row);
    const auto re = [&](int64_t k) { return k < have ? static_cast<double>(from[k * x.stride[r]]) : 0.0; };
    const auto im = [&](int64_t k) {
      return k < have && k > 0 && 2 * k != n ? static_cast<double>(from[k * x.stride[r] + x.stride[r + 1]])
                                             : 0.0;
    };
    T* const to = static_cast<T*>(out.data) + offsetOf(out, 1, row);
    // The parts change places on the way in and out: a forward transform then does the inverse.
    if (!h) {
      for (int64_t k = 0; k <= n / 2; k++) {
        a.im[k] = re(k);
        a.re[k] = im(k);
        if (k > 0) a.im[n - k] = re(k), a.re[n - k] = -im(k);
      }
      const Complex z = transform(p.plan, t, a, b);
      for (int64_t i = 0; i < room; i++) to[i * step] = static_cast<T>(i < n ? z.im[i] * scale : 0.0);
      return;
    }
    for (int64_t k = 0; k < h; k++) {
      const double xr = re(k), xi = im(k), yr = re(h - k), yi = -im(h - k);
      const double dr = xr - yr, di = xi - yi;
      const double oddRe = dr * twist.re[k] + di * twist.im[k], oddIm = di * twist.re[k] - dr * twist.im[k];
      a.im[k] = xr + yr - oddIm;
      a.re[k] = xi + yi + oddRe;
    }
    const Complex z = transform(p.plan, t, a, b);
    for (int64_t i = 0; i < room; i++) {
      const double value = i >= n ? 0.0 : i % 2 ? z.re[i / 2] : z.im[i / 2];
      to[i * step] = static_cast<T>(value * scale);
    }
  });
}

bool isComplex(const View& v) { return v.rank >= 2 && v.shape[v.rank - 1] == 2; }
bool isReal(const View& v) { return v.rank >= 1; }

/// The batches agree and the length is one there is.
bool fits(Stream& s, const View& out, int outAxes, const View& x, int xAxes, int32_t length) {
  return require(s, out.dtype == x.dtype && length >= 1 && batchOf(out, outAxes) == batchOf(x, xAxes),
                 "fft: out, x and length do not fit together");
}

}  // namespace

size_t fftWorkspace(const Out& out, const In&, const int32_t& length, const int32_t&, const double&) {
  return scratchFor(length, false, batchOf(out, 2));
}
void fft(Stream& s, const Out& out, const In& x, const int32_t& length, const int32_t& inverse,
         const double& scale) {
  if (!require(s, isComplex(out) && isComplex(x), "fft: wants pairs of numbers") ||
      !fits(s, out, 2, x, 2, length))
    return;
  if (numel(out) == 0) return;
  withFloat(s, out.dtype, "fft", [&]<class T>() { complexRows<T>(s, out, x, length, inverse != 0, scale); });
}

size_t rfftWorkspace(const Out& out, const In&, const int32_t& length, const double&) {
  return scratchFor(length, true, batchOf(out, 2));
}
void rfft(Stream& s, const Out& out, const In& x, const int32_t& length, const double& scale) {
  if (!require(s, isComplex(out) && isReal(x), "rfft: wants numbers and pairs of them") ||
      !fits(s, out, 2, x, 1, length) || numel(out) == 0)
    return;
  withFloat(s, out.dtype, "rfft", [&]<class T>() { realRows<T>(s, out, x, length, scale); });
}

size_t irfftWorkspace(const Out&, const In& x, const int32_t& length, const double&) {
  return scratchFor(length, true, batchOf(x, 2));
}
void irfft(Stream& s, const Out& out, const In& x, const int32_t& length, const double& scale) {
  if (!require(s, isReal(out) && isComplex(x), "irfft: wants numbers and pairs of them") ||
      !fits(s, out, 1, x, 2, length) || numel(out) == 0)
    return;
  withFloat(s, out.dtype, "irfft", [&]<class T>() { inverseRealRows<T>(s, out, x, length, scale); });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
