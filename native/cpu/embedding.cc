// Rotary position embeddings and bags of embeddings.
#include "../ops/rows/embedding.h"

#include "labels.h"
#include "rows.h"
#include "simd/vec.h"

WG_PROTOTYPES(WG_EMBEDDING_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

template <class T>
struct Line {
  T* p;
  int64_t step;  // elements
  T& operator[](int64_t i) const { return p[i * step]; }
};
template <class T>
Line<T> lineOf(const Rows& r, int64_t i) {
  return {reinterpret_cast<T*>(at(r.start, i)), r.step / static_cast<int64_t>(sizeof(T))};
}

/// (a, b) turned by the angles: pair k is elements 2k and 2k + 1, or k and k + half.
template <class T>
void turn(Line<T> out, Line<const T> x, Line<const T> cos, Line<const T> sin, int64_t half, bool interleaved,
          T sign) {
  if (!interleaved && out.step == 1 && x.step == 1 && cos.step == 1 && sin.step == 1) {
    using V = simd::Vec<T>;
    int64_t k = 0;
    for (; k + V::kLanes <= half; k += V::kLanes) {
      const V a = simd::load<V>(x.p + k), b = simd::load<V>(x.p + half + k), c = simd::load<V>(cos.p + k),
              s = simd::load<V>(sin.p + k) * V(sign);
      store(out.p + k, a * c - b * s);
      store(out.p + half + k, b * c + a * s);
    }
    if (k < half) {
      const int64_t n = half - k;
      const V a = simd::loadPart<V>(x.p + k, n), b = simd::loadPart<V>(x.p + half + k, n),
              c = simd::loadPart<V>(cos.p + k, n), s = simd::loadPart<V>(sin.p + k, n) * V(sign);
      storePart(out.p + k, a * c - b * s, n);
      storePart(out.p + half + k, b * c + a * s, n);
    }
    return;
  }
  const int64_t stride = interleaved ? 2 : 1, partner = interleaved ? 1 : half;
  for (int64_t k = 0; k < half; ++k) {
    const T a = x[k * stride], b = x[k * stride + partner], c = cos[k], s = sin[k] * sign;
    out[k * stride] = a * c - b * s;
    out[k * stride + partner] = b * c + a * s;
  }
}

/// What an index contributes: false when it is the padding.
struct Bag {
  int64_t first, last;
};

template <class T>
void sumBag(T* to, const View& weight, const Walk& where, DType indexType, Bag bag,
            const Line<const T>* scales, bool mean, double padding) {
  const int64_t width = weight.shape[1], step = weight.stride[1];
  for (int64_t x = 0; x < width; ++x) to[x] = T(0);
  int64_t count = 0;
  for (int64_t i = bag.first; i < bag.last; ++i) {
    const int64_t row = indexAt(where, indexType, i);
    if (static_cast<double>(row) == padding) continue;
    ++count;
    const T* from = static_cast<const T*>(weight.data) + row * weight.stride[0];
    const T factor = scales ? (*scales)[i] : T(1);
    if (step == 1) {
      for (int64_t x = 0; x < width; ++x) to[x] += from[x] * factor;
    } else {
      for (int64_t x = 0; x < width; ++x) to[x] += from[x * step] * factor;
    }
  }
  if (mean && count > 1) {
    for (int64_t x = 0; x < width; ++x) to[x] /= static_cast<T>(count);
  }
}

template <class T>
void maxBag(T* to, int64_t* places, const View& weight, const Walk& where, DType indexType, Bag bag,
            double padding) {
  const int64_t width = weight.shape[1], step = weight.stride[1];
  for (int64_t x = 0; x < width; ++x) {
    to[x] = T(0);
    places[x] = -1;
  }
  for (int64_t i = bag.first; i < bag.last; ++i) {
    const int64_t row = indexAt(where, indexType, i);
    if (static_cast<double>(row) == padding) continue;
    const T* from = static_cast<const T*>(weight.data) + row * weight.stride[0];
    for (int64_t x = 0; x < width; ++x) {
      const T value = from[x * step];
      if (places[x] < 0 || value > to[x] || (value != value && to[x] == to[x])) {
        to[x] = value;
        places[x] = row;
      }
    }
  }
}

/// Offsets start at 0 and never fall; the last bag ends with the indices.
bool offsetsSound(Stream& s, const Walk& offsets, DType dtype, int64_t indices) {
  int64_t before = 0;
  for (int64_t i = 0; i < offsets.total; ++i) {
    const int64_t here = indexAt(offsets, dtype, i);
    if (here < before || here > indices || (i == 0 && here != 0)) {
      fail(s, Code::index, "embeddingBag: offset %lld of bag %lld must be in [%lld, %lld]",
           static_cast<long long>(here), static_cast<long long>(i), static_cast<long long>(before),
           static_cast<long long>(i == 0 ? 0 : indices));
      return false;
    }
    before = here;
  }
  return true;
}

}  // namespace

void rotate(Stream& s, const Out& out, const In& x, const In& cos, const In& sin, const int32_t& interleaved,
            const int32_t& inverse) {
  const int last = x.rank - 1;
  bool fits = last >= 0 && sameShape(out, x) && cos.rank == x.rank && sameShape(cos, sin) &&
              out.dtype == x.dtype && cos.dtype == x.dtype && sin.dtype == x.dtype &&
              2 * cos.shape[last] == x.shape[last];
  for (int i = 0; fits && i < last; ++i) fits = cos.shape[i] == x.shape[i];
  if (!require(s, fits, "rotate: input, cosines and sines do not fit together") || numel(x) == 0) return;
  const Rows to = rowsOf(out), from = rowsOf(x), c = rowsOf(cos), d = rowsOf(sin);
  withFloat(s, x.dtype, "rotate", [&]<class T>() {
    forEachRow(s, from.count, from.width, [&](int64_t i) {
      turn<T>(lineOf<T>(to, i), lineOf<const T>(from, i), lineOf<const T>(c, i), lineOf<const T>(d, i),
              c.width, interleaved != 0, inverse ? T(-1) : T(1));
    });
  });
}

void embeddingBag(Stream& s, const Out& out, const Out& places, const In& weight, const In& indices,
                  const In& offsets, const MaybeIn& scales, const int32_t& mode, const double& padding) {
  const bool max = mode == 2;
  const bool fits =
      weight.rank == 2 && indices.rank == 1 && offsets.rank == 1 && out.rank == 2 &&
      out.shape[0] == offsets.shape[0] && out.shape[1] == weight.shape[1] && out.dtype == weight.dtype &&
      isIndexType(indices.dtype) && isIndexType(offsets.dtype) && places.dtype == DType::i64 &&
      isContiguous(out) && isContiguous(places) && (!max || sameShape(places, out)) &&
      (!scales.data ||
       (scales.rank == 1 && scales.shape[0] == indices.shape[0] && scales.dtype == weight.dtype && !max));
  if (!require(s, fits, "embeddingBag: weight, indices, offsets and results do not fit together")) return;
  const Walk where = walkOf(indices), starts = walkOf(offsets);
  const int64_t bags = offsets.shape[0], count = indices.shape[0], width = weight.shape[1];
  if (!offsetsSound(s, starts, offsets.dtype, count)) return;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = indexAt(where, indices.dtype, i);
    if (row < 0 || row >= weight.shape[0])
      return fail(s, Code::index, "embeddingBag: index %lld is out of range for %lld rows",
                  static_cast<long long>(row), static_cast<long long>(weight.shape[0]));
  }
  withFloat(s, weight.dtype, "embeddingBag", [&]<class T>() {
    const Line<const T> factors{static_cast<const T*>(scales.data), scales.data ? scales.stride[0] : 0};
    forEachRow(s, bags, width * maxOf(1, count / maxOf(1, bags)), [&](int64_t b) {
      const Bag bag{indexAt(starts, offsets.dtype, b),
                    b + 1 < bags ? indexAt(starts, offsets.dtype, b + 1) : count};
      T* const to = static_cast<T*>(out.data) + b * width;
      if (max)
        maxBag(to, static_cast<int64_t*>(places.data) + b * width, weight, where, indices.dtype, bag,
               padding);
      else
        sumBag(to, weight, where, indices.dtype, bag, scales.data ? &factors : nullptr, mode == 1, padding);
    });
  });
}

void bagNumbers(Stream& s, const Out& out, const In& offsets) {
  if (!require(s, out.rank == 1 && out.dtype == DType::i64 && offsets.rank == 1 && isIndexType(offsets.dtype),
               "bagNumbers: wants int64 results and integer offsets"))
    return;
  const Walk starts = walkOf(offsets);
  if (!offsetsSound(s, starts, offsets.dtype, out.shape[0])) return;
  for (int64_t b = 0; b < starts.total; ++b) {
    const int64_t end = b + 1 < starts.total ? indexAt(starts, offsets.dtype, b + 1) : out.shape[0];
    for (int64_t i = indexAt(starts, offsets.dtype, b); i < end; ++i)
      static_cast<int64_t*>(out.data)[i * out.stride[0]] = b;
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
