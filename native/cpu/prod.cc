// Products over any axes: floats multiply in double, integers wrap.
#include "../ops/rows/reduce.h"

#include "../ops/scalar.h"
#include "reduction.h"

WG_PROTOTYPES(WG_REDUCE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

template <class T, bool = kIsFloat<T>>
struct Wide {
  using Type = double;
};
template <class T>
struct Wide<T, false> {
  using Type = uint64_t;
};

template <class T>
struct Product {
  using Factor = typename Wide<T>::Type;
  struct Partial {
    Factor value;
    void merge(const Partial& next, int64_t) { value *= next.value; }
  };
  // Four chains of multiplications: one would wait four cycles for each.
  Factor chain[4] = {Factor(1), Factor(1), Factor(1), Factor(1)};
  void add(const T* x, int64_t n) {
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
      for (int k = 0; k < 4; k++) chain[k] *= static_cast<Factor>(x[i + k]);
    }
    for (; i < n; i++) chain[0] *= static_cast<Factor>(x[i]);
  }
  Partial partial() const { return {(chain[0] * chain[1]) * (chain[2] * chain[3])}; }
};

template <class T>
void store(char* to, DType dtype, typename Wide<T>::Type value) {
  if constexpr (kIsFloat<T>) put(to, static_cast<T>(value));
  else putInteger(to, dtype, static_cast<int64_t>(value));
}

template <class T>
void multiply(Stream& s, const Reduction& r, DType to) {
  using Factor = typename Wide<T>::Type;
  if (!r.columns) {
    reduceRows<T, Product<T>>(
        s, r, [to](char* p, const typename Product<T>::Partial& t) { store<T>(p, to, t.value); });
    return;
  }
  reduceColumns(s, r, [&](const char* x, int64_t columns, char* out, int64_t step) {
    Factor product[kStrip];
    for (int64_t c = 0; c < columns; c++) product[c] = Factor(1);
    for (int64_t i = 0; i < r.reduced.total; i++) {
      const T* row = reinterpret_cast<const T*>(x + (at(r.reduced, i) - r.reduced.data));
      for (int64_t c = 0; c < columns; c++) product[c] *= static_cast<Factor>(row[c]);
    }
    for (int64_t c = 0; c < columns; c++) store<T>(out + c * step, to, product[c]);
  });
}

}  // namespace

void prod(Stream& s, const Out& out, const In& x) {
  Reduction r;
  const bool isFloat = x.dtype == DType::f32 || x.dtype == DType::f64;
  const bool integer = out.dtype == DType::i32 || out.dtype == DType::i64 || out.dtype == DType::u8;
  if (!require(s, isFloat ? out.dtype == x.dtype : integer, "prod: dtypes do not fit")) return;
  if (!planReduction(s, out, x, r) || r.kept.total == 0) return;
  withAny(s, x.dtype, "prod", [&]<class T>() { multiply<T>(s, r, out.dtype); });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
