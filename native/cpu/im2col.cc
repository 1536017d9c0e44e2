// Windows of images as columns and back. A row of the columns is one place in the window of one channel; the
// way back gives each channel's plane to one thread, which adds in the order of the places.
#include "../ops/rows/pad.h"

#include "lanes.h"

WG_PROTOTYPES(WG_PAD_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

struct Windows {
  int64_t channels, height, width, outH, outW, places;
};

bool windowsOf(Stream& s, const View& image, const View& columns, const Im2colParams& q, Windows* w) {
  bool fit = image.rank == 4 && columns.rank == 3 && image.dtype == columns.dtype && q.kernelH > 0 &&
             q.kernelW > 0 && q.strideH > 0 && q.strideW > 0 && q.dilationH > 0 && q.dilationW > 0 &&
             q.padH >= 0 && q.padW >= 0;
  if (fit) {
    w->channels = image.shape[1];
    w->height = image.shape[2];
    w->width = image.shape[3];
    w->places = static_cast<int64_t>(q.kernelH) * q.kernelW;
    const int64_t spanH = w->height + 2 * int64_t{q.padH} - int64_t{q.dilationH} * (q.kernelH - 1) - 1;
    const int64_t spanW = w->width + 2 * int64_t{q.padW} - int64_t{q.dilationW} * (q.kernelW - 1) - 1;
    w->outH = spanH < 0 ? 0 : spanH / q.strideH + 1;
    w->outW = spanW < 0 ? 0 : spanW / q.strideW + 1;
    fit = columns.shape[0] == image.shape[0] && columns.shape[1] == w->channels * w->places &&
          columns.shape[2] == w->outH * w->outW;
  }
  return require(s, fit, "im2col: shapes, dtypes or parameters do not fit");
}

/// The windows along one axis whose place `offset` falls inside of it: [first, last).
struct Inside {
  int64_t first, last;
};
Inside insideOf(int64_t offset, int64_t stride, int64_t size, int64_t windows) {
  // offset + i * stride in [0, size)
  const int64_t first = offset >= 0 ? 0 : minOf(windows, ceilDiv(-offset, stride));
  const int64_t last = offset >= size ? 0 : minOf(windows, (size - 1 - offset) / stride + 1);
  return {first, maxOf(first, last)};
}

template <class T>
void copyRow(char* to, int64_t toStep, const char* from, int64_t fromStep, int64_t n) {
  for (int64_t i = 0; i < n; i++) __builtin_memcpy(to + i * toStep, from + i * fromStep, sizeof(T));
}
template <class T>
void zeroRow(char* to, int64_t toStep, int64_t n) {
  const T zero = T(0);
  for (int64_t i = 0; i < n; i++) __builtin_memcpy(to + i * toStep, &zero, sizeof zero);
}

template <class T>
void columnsOf(Stream& s, const View& out, const View& x, const Im2colParams& q, const Windows& w) {
  constexpr int64_t item = static_cast<int64_t>(sizeof(T));
  const int64_t rows = out.shape[0] * out.shape[1], length = w.outH * w.outW;
  const int64_t perChunk = maxOf(1, kChunk / maxOf(1, length));
  const int64_t step = out.stride[2] * item, xStep = x.stride[3] * item;
  parallelFor(s, ceilDiv(rows, perChunk), [&](int64_t c) {
    for (int64_t r = c * perChunk, end = minOf(r + perChunk, rows); r < end; r++) {
      const int64_t n = r / out.shape[1], k = r % out.shape[1], channel = k / w.places, place = k % w.places;
      const int64_t top = place / q.kernelW * q.dilationH - q.padH,
                    left = place % q.kernelW * q.dilationW - q.padW;
      char* to = static_cast<char*>(out.data) + (n * out.stride[0] + k * out.stride[1]) * item;
      const char* plane = static_cast<const char*>(x.data) + (n * x.stride[0] + channel * x.stride[1]) * item;
      const Inside across = insideOf(left, q.strideW, w.width, w.outW);
      for (int64_t i = 0; i < w.outH; i++, to += w.outW * step) {
        const int64_t row = top + i * q.strideH;
        if (row < 0 || row >= w.height) {
          zeroRow<T>(to, step, w.outW);
          continue;
        }
        const char* from =
            plane + (row * x.stride[2] + (left + across.first * q.strideW) * x.stride[3]) * item;
        zeroRow<T>(to, step, across.first);
        copyRow<T>(to + across.first * step, step, from, xStep * q.strideW, across.last - across.first);
        zeroRow<T>(to + across.last * step, step, w.outW - across.last);
      }
    }
  });
}

}  // namespace

void im2col(Stream& s, const Out& out, const In& x, const Im2colParams& q) {
  Windows w;
  if (!windowsOf(s, x, out, q, &w) || numel(out) == 0) return;
  const int64_t item = itemBytes(x.dtype);
  if (item == 4) columnsOf<uint32_t>(s, out, x, q, w);
  else if (item == 8) columnsOf<uint64_t>(s, out, x, q, w);
  else columnsOf<uint8_t>(s, out, x, q, w);
}

void col2im(Stream& s, const Out& out, const In& x, const Im2colParams& q) {
  Windows w;
  if (!windowsOf(s, out, x, q, &w)) return;
  withNumber(s, out.dtype, "col2im", [&]<class T>() {
    constexpr int64_t item = static_cast<int64_t>(sizeof(T));
    const int64_t planes = out.shape[0] * w.channels;
    const int64_t step = x.stride[2] * item, outStep = out.stride[3] * item;
    const int64_t perChunk = maxOf(1, kChunk / maxOf(1, w.places * w.outH * w.outW));
    parallelFor(s, ceilDiv(planes, perChunk), [&](int64_t c) {
      for (int64_t p = c * perChunk, end = minOf(p + perChunk, planes); p < end; p++) {
        const int64_t n = p / w.channels, channel = p % w.channels;
        char* plane = static_cast<char*>(out.data) + (n * out.stride[0] + channel * out.stride[1]) * item;
        for (int64_t i = 0; i < w.height; i++) zeroRow<T>(plane + i * out.stride[2] * item, outStep, w.width);
        for (int64_t place = 0; place < w.places; place++) {
          const int64_t top = place / q.kernelW * q.dilationH - q.padH,
                        left = place % q.kernelW * q.dilationW - q.padW;
          const Inside across = insideOf(left, q.strideW, w.width, w.outW),
                       down = insideOf(top, q.strideH, w.height, w.outH);
          const char* row = static_cast<const char*>(x.data) +
                            (n * x.stride[0] + (channel * w.places + place) * x.stride[1]) * item;
          for (int64_t i = down.first; i < down.last; i++) {
            const char* from = row + (i * w.outW + across.first) * step;
            char* to = plane + ((top + i * q.strideH) * out.stride[2] +
                                (left + across.first * q.strideW) * out.stride[3]) *
                                   item;
            for (int64_t j = across.first; j < across.last; j++, from += step, to += q.strideW * outStep) {
              T* t = reinterpret_cast<T*>(to);
              *t = static_cast<T>(*t + *reinterpret_cast<const T*>(from));
            }
          }
        }
      }
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
