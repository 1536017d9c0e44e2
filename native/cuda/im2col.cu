// Windows of images as columns and back. The way back has a thread for each element of the image, which adds
// up in the order of the places it has in windows.
#include "../ops/rows/pad.h"
#include "prototype.h"
#include "views.h"
#include "wg/launch.h"

WG_CUDA_PROTOTYPES(WG_PAD_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256;

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

struct Layout {
  int64_t image[4];    ///< strides of [N, C, H, W]
  int64_t columns[3];  ///< and of [N, C * places, windows]
};
Layout layoutOf(const View& image, const View& columns) {
  Layout l;
  for (int i = 0; i < 4; i++) l.image[i] = image.stride[i];
  for (int i = 0; i < 3; i++) l.columns[i] = columns.stride[i];
  return l;
}

using Divide = Divider<uint64_t>;
Divide by(int64_t n) { return Divide(static_cast<uint64_t>(n)); }

/// A thread an element of out; columns.outW … divide its number.
template <class W>
WG_KERNEL(kThreads)
columnsOf(W* out, const W* x, Layout l, Windows w, Im2colParams q, Divide outW, Divide outH, Divide kernelW,
          Divide kernelH, Divide channels, uint64_t total) {
  const uint64_t e = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (e >= total) return;
  const auto column = outW.both(e), row = outH.both(column.quotient), tapW = kernelW.both(row.quotient),
             tapH = kernelH.both(tapW.quotient), plane = channels.both(tapH.quotient);
  const auto at = [](const Divided<uint64_t>& d) { return static_cast<int64_t>(d.remainder); };
  const int64_t n = static_cast<int64_t>(plane.quotient);
  const int64_t y = at(row) * q.strideH + at(tapH) * q.dilationH - q.padH;
  const int64_t z = at(column) * q.strideW + at(tapW) * q.dilationW - q.padW;
  const bool inside = y >= 0 && y < w.height && z >= 0 && z < w.width;
  const int64_t place = (at(plane) * q.kernelH + at(tapH)) * q.kernelW + at(tapW);
  out[n * l.columns[0] + place * l.columns[1] + (at(row) * w.outW + at(column)) * l.columns[2]] =
      inside ? x[n * l.image[0] + at(plane) * l.image[1] + y * l.image[2] + z * l.image[3]] : W(0);
}

/// A thread an element of the image.
template <class T>
WG_KERNEL(kThreads)
imageOf(T* out, const T* x, Layout l, Windows w, Im2colParams q, Divide width, Divide height, Divide channels,
        Divide strideW, Divide strideH, uint64_t total) {
  const uint64_t e = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (e >= total) return;
  const auto column = width.both(e), row = height.both(column.quotient), plane = channels.both(row.quotient);
  const int64_t n = static_cast<int64_t>(plane.quotient), channel = static_cast<int64_t>(plane.remainder);
  T sum = T(0);
  for (int32_t r = 0; r < q.kernelH; r++) {
    const int64_t y = static_cast<int64_t>(row.remainder) + q.padH - int64_t{r} * q.dilationH;
    if (y < 0) continue;
    const auto down = strideH.both(static_cast<uint64_t>(y));
    if (down.remainder != 0 || static_cast<int64_t>(down.quotient) >= w.outH) continue;
    for (int32_t c = 0; c < q.kernelW; c++) {
      const int64_t z = static_cast<int64_t>(column.remainder) + q.padW - int64_t{c} * q.dilationW;
      if (z < 0) continue;
      const auto across = strideW.both(static_cast<uint64_t>(z));
      if (across.remainder != 0 || static_cast<int64_t>(across.quotient) >= w.outW) continue;
      const int64_t place = (channel * q.kernelH + r) * q.kernelW + c;
      const int64_t window =
          static_cast<int64_t>(down.quotient) * w.outW + static_cast<int64_t>(across.quotient);
      sum = static_cast<T>(sum + x[n * l.columns[0] + place * l.columns[1] + window * l.columns[2]]);
    }
  }
  out[n * l.image[0] + channel * l.image[1] + static_cast<int64_t>(row.remainder) * l.image[2] +
      static_cast<int64_t>(column.remainder) * l.image[3]] = sum;
}

}  // namespace

void im2col(Stream& s, const Out& out, const In& x, const Im2colParams& q) {
  Windows w;
  if (!windowsOf(s, x, out, q, &w) || numel(out) == 0) return;
  const int64_t total = numel(out);
  withWord(x.dtype, [&]<class W>() {
    launch(s, columnsOf<W>, gridFor(total, kThreads), blockFor(total), 0, static_cast<W*>(out.data),
           static_cast<const W*>(x.data), layoutOf(x, out), w, q, by(w.outW), by(w.outH), by(q.kernelW),
           by(q.kernelH), by(w.channels), static_cast<uint64_t>(total));
  });
}

void col2im(Stream& s, const Out& out, const In& x, const Im2colParams& q) {
  Windows w;
  if (!windowsOf(s, out, x, q, &w) || numel(out) == 0) return;
  const int64_t total = numel(out);
  withNumber(s, out.dtype, "col2im", [&]<class T>() {
    launch(s, imageOf<T>, gridFor(total, kThreads), blockFor(total), 0, static_cast<T*>(out.data),
           static_cast<const T*>(x.data), layoutOf(out, x), w, q, by(w.width), by(w.height), by(w.channels),
           by(q.strideW), by(q.strideH), static_cast<uint64_t>(total));
  });
}

}  // namespace wg::cuda
