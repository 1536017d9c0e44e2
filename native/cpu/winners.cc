// What max pooling does with the places of its maxima, and adaptive max pooling, whose windows follow from
// the sizes alone: output o of m takes elements floor(o n / m) … ceil((o + 1) n / m) of n.
#include "../ops/rows/pool.h"
#include "planes.h"

WG_PROTOTYPES(WG_POOL_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// Calls move(element of small, its winner in large) for every element of [OH, OW]; an index outside the
/// plane fails the op, -1 (a window that saw padding only) is nobody's.
template <class T, class Move>
void eachWinner(Stream& s, const char* name, const View& indices, const View& small, const View& large,
                int64_t image, int64_t channel, Move&& move) {
  const int32_t* const index = planeOf<int32_t>(indices, image, channel);
  T* const from = planeOf<T>(small, image, channel);
  T* const to = planeOf<T>(large, image, channel);
  const int64_t width = large.shape[3], area = large.shape[2] * width;
  const bool dense = large.stride[3] == 1 && large.stride[2] == width;
  for (int64_t y = 0; y < small.shape[2]; ++y)
    for (int64_t x = 0; x < small.shape[3]; ++x) {
      const int64_t at = index[y * indices.stride[2] + x * indices.stride[3]];
      T& value = from[y * small.stride[2] + x * small.stride[3]];
      if (at >= area || at < -1)
        return fail(s, Code::index, "%s: index %lld is out of range for a plane of %lld elements", name,
                    static_cast<long long>(at), static_cast<long long>(area));
      move(value, at < 0 ? nullptr
                         : to + (dense ? at : at / width * large.stride[2] + at % width * large.stride[3]));
    }
}

bool winnersFit(Stream& s, const char* name, const View& large, const View& indices, const View& small) {
  const bool fits = planesMatch(large, small) && sameShape(small, indices) && large.dtype == small.dtype &&
                    indices.dtype == DType::i32;
  if (!fits) fail(s, Code::bounds, "%s: the planes and their int32 indices do not fit together", name);
  return fits;
}

/// large = zeros with move(element of large, element of small) at every winner.
template <class Move>
void scatter(Stream& s, const char* name, const View& large, const View& indices, const View& small,
             Move move) {
  if (!winnersFit(s, name, large, indices, small)) return;
  withNumber(s, large.dtype, name, [&]<class T>() {
    eachPlane(s, {large.shape[0], large.shape[1]},
              large.shape[2] * large.shape[3] + small.shape[2] * small.shape[3],
              [&](int64_t image, int64_t channel) {
                zeroPlane<T>(large, image, channel);
                eachWinner<T>(s, name, indices, small, large, image, channel, [move](T& value, T* at) {
                  if (at) move(*at, value);
                });
              });
  });
}

/// One axis of an adaptive window.
struct Span {
  int64_t begin, end;
};
Span spanOf(int64_t o, int64_t out, int64_t in) { return {o * in / out, ceilDiv((o + 1) * in, out)}; }

}  // namespace

void maxPool2dGrad(Stream& s, const Out& dx, const In& indices, const In& dy) {
  scatter(s, "maxPool2dGrad", dx, indices, dy,
          []<class T>(T& to, T value) { to = static_cast<T>(to + value); });
}

void maxUnpool2d(Stream& s, const Out& out, const In& indices, const In& x) {
  scatter(s, "maxUnpool2d", out, indices, x, []<class T>(T& to, T value) { to = value; });
}

void maxPool2dGather(Stream& s, const Out& out, const In& indices, const In& x) {
  if (!winnersFit(s, "maxPool2dGather", x, indices, out)) return;
  withNumber(s, x.dtype, "maxPool2dGather", [&]<class T>() {
    eachPlane(s, {x.shape[0], x.shape[1]}, out.shape[2] * out.shape[3], [&](int64_t image, int64_t channel) {
      eachWinner<T>(s, "maxPool2dGather", indices, out, x, image, channel,
                    [](T& value, const T* at) { value = at ? *at : T(0); });
    });
  });
}

void adaptiveMaxPool2d(Stream& s, const Out& out, const Out& indices, const In& x) {
  if (!winnersFit(s, "adaptiveMaxPool2d", x, indices, out)) return;
  const int64_t height = x.shape[2], width = x.shape[3];
  if (!require(s, height * width <= INT32_MAX && (height * width > 0 || numel(out) == 0),
               "adaptiveMaxPool2d: an empty or too large plane"))
    return;
  withNumber(s, x.dtype, "adaptiveMaxPool2d", [&]<class T>() {
    eachPlane(
        s, {x.shape[0], x.shape[1]}, height * width + out.shape[2] * out.shape[3],
        [&](int64_t image, int64_t channel) {
          const T* const from = planeOf<T>(x, image, channel);
          for (int64_t oy = 0; oy < out.shape[2]; ++oy)
            for (int64_t ox = 0; ox < out.shape[3]; ++ox) {
              const Span rows = spanOf(oy, out.shape[2], height), cols = spanOf(ox, out.shape[3], width);
              int64_t where = rows.begin * width + cols.begin;
              T best = from[rows.begin * x.stride[2] + cols.begin * x.stride[3]];
              for (int64_t r = rows.begin; r < rows.end; ++r)
                for (int64_t c = cols.begin; c < cols.end; ++c) {
                  // NaN wins over everything, the first of equals stays.
                  const T value = from[r * x.stride[2] + c * x.stride[3]];
                  const bool better = (value > best) | (value != value);
                  best = better ? value : best;
                  where = better ? r * width + c : where;
                }
              planeOf<T>(out, image, channel)[oy * out.stride[2] + ox * out.stride[3]] = best;
              planeOf<int32_t>(indices, image, channel)[oy * indices.stride[2] + ox * indices.stride[3]] =
                  static_cast<int32_t>(where);
            }
        });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
