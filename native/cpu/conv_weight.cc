// A convolution's weight gradient as dW^T[taps, filters] = sum over pixels of im2col[pixel, tap] * dy[pixel,
// filter]. The tile broadcasts source values through per-row offsets into a padded slab, so im2col is never
// built; dy is transposed once per block of pixels. Chunks own ranges of images and channels; their partial
// sums are added in order.
#include "../ops/rows/conv.h"

#include "../ops/conv_shape.h"
#include "conv_depthwise.h"
#include "conv_weight_few.h"
#include "conv_weight_narrow.h"
#include "conv_weight_pixelwise.h"
#include "conv_weight_tile.h"
#include "conv_window.h"
#include "conv_winograd.h"

WG_PROTOTYPES(WG_CONV_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

inline constexpr int64_t kBlockPixels = 512;   // a panel of dy and the slab stay in the second-level cache
inline constexpr int64_t kLeastPixels = 1024;  // of a chunk, where there are more

/// How the work is cut: a function of shape and dtype.
struct Cut {
  int64_t channels, channelBlocks;  ///< channels of one chunk
  int64_t width, filterBlocks;      ///< filters of one chunk
  int64_t images, imageBlocks;      ///< images of one chunk; every image block has sums of its own
  int64_t filters;                  ///< of one group, rounded up to whole vectors
  int64_t taps;                     ///< kernelH * kernelW
  int64_t sums(const ConvShape& c) const { return c.channels * taps * filters; }
};

template <class T>
Cut cutOf(const ConvShape& c) {
  constexpr int64_t L = Lanes<T>::kCount;
  Cut cut{};
  cut.taps = c.kernelH * c.kernelW;
  cut.filters = ceilDiv(c.filters, L) * L;
  cut.channels = evenSplit(c.channels, ceilDiv(256, cut.taps), 1);  // rows enough to pay for transposing dy
  cut.channelBlocks = ceilDiv(c.channels, cut.channels);
  // Filters share nothing but the source's copy; image blocks cost sums of their own, so each has pixels
  // enough to pay for them.
  cut.width = evenSplit(cut.filters, 8 * kTileVectors * L, kTileVectors * L);
  cut.filterBlocks = maxOf(ceilDiv(cut.filters, cut.width), 1);
  const double chunks = static_cast<double>(c.groups) * static_cast<double>(cut.channelBlocks) *
                        static_cast<double>(cut.filterBlocks);
  const int64_t pixels = maxOf(c.outHeight * c.outWidth, 1),
                most = maxOf(c.images / ceilDiv(kLeastPixels, pixels), 1);
  int64_t blocks = minOf(most, maxOf(static_cast<int64_t>(16 / chunks), 1));
  const double total = static_cast<double>(c.images * c.outHeight * c.outWidth) *
                       static_cast<double>(cut.sums(c)) * static_cast<double>(c.groups);
  if (total < 1 << 20) blocks = 1;
  cut.images = maxOf(ceilDiv(c.images, maxOf(blocks, 1)), 1);
  cut.imageBlocks = maxOf(ceilDiv(c.images, cut.images), 1);  // no images: one block of zeros
  return cut;
}

template <class T>
size_t bytesFor(const View& dWeight, const ConvShape& c) {
  if (hasFewPixels(dWeight, c)) return fewWeightBytes<T>(c);
  const Cut cut = cutOf<T>(c);
  return static_cast<size_t>(cut.imageBlocks * c.groups * cut.sums(c)) * sizeof(T);
}

// The thread's scratch: transposed dy, then the slab.
template <class T>
inline constexpr int64_t kDyElements = 262144 / static_cast<int64_t>(sizeof(T));
template <class T>
inline constexpr int64_t kSlabRoom =
    static_cast<int64_t>(kWorkerScratchBytes) / static_cast<int64_t>(sizeof(T)) - kDyElements<T> -
    4 * Lanes<T>::kCount;

constexpr int64_t kAskedPlane = 8192;  // elements

template <class T>
struct Chunk {
  const ConvShape& shape;
  const Cut& cut;
  Window window;  ///< from x to dy, `channels` those of a group
  const T* x;     ///< at the chunk's first group and channel
  const T* dy;    ///< at the chunk's first group
  Images at;
  int64_t dyFilter, dyRow, dyCol;
  int64_t image0, images, channels, filter0, filters;
  T* sums;  ///< [channels * taps][cut.filters]

  /// dy of one block as [panel][pixel][width], zero beyond the last filter.
  void packDy(T* to, const PixelBlock& block, int64_t filter, int64_t lines, int width) const {
    const bool dense = dyCol == 1 && (block.rows == 1 || dyRow == block.cols);
    const int64_t rows = dense ? 1 : block.rows, cols = dense ? block.rows * block.cols : block.cols;
    for (int64_t i = 0; i < block.images * rows; ++i, to += cols * width)
      packPanel(to, width, static_cast<int>(lines), cols,
                dy + at.ofDy(block.image0 + i / rows) + filter * dyFilter + (block.row0 + i % rows) * dyRow +
                    block.col0 * dyCol,
                dyFilter, dyCol);
  }

  void run(T* scratch) const {
    constexpr int64_t L = Lanes<T>::kCount;
    constexpr int64_t kPanel = kTileVectors * L;
    const int64_t lanes = minOf(filters, cut.filters - filter0);
    for (int64_t line = 0; line < channels * cut.taps; ++line)
      for (int64_t i = 0; i < lanes; i += L)
        storeVec(sums + line * cut.filters + filter0 + i, typename Lanes<T>::Vec{});
    if (depthwise() || pixelwise(scratch) || narrow(scratch)) return;
    PixelBlock block{0, 1, 0, 0, 0, evenSplit(window.cols, kBlockPixels, 1)};
    block.rows = evenSplit(window.rows, maxOf(kBlockPixels / block.cols, 1), 1);
    const int64_t plane = maxOf(block.rows * block.cols, 1);
    if (at.inner == 1 && block.rows == window.rows && block.cols == window.cols)
      block.images = evenSplit(images, maxOf(kBlockPixels / plane, 1), 1);
    const int64_t slabChannels = channelsThatFit(block);
    const int64_t last = minOf(filter0 + filters, shape.filters);
    T* const packed = scratch;
    T* const copy = scratch + kDyElements<T> + 2 * L;
    for (int64_t image = image0; image < image0 + images; image += block.images)
      for (int64_t row = 0; row < window.rows; row += block.rows)
        for (int64_t col = 0; col < window.cols; col += block.cols) {
          const PixelBlock part{image, minOf(block.images, image0 + images - image),
                                row,   minOf(block.rows, window.rows - row),
                                col,   minOf(block.cols, window.cols - col)};
          for (int64_t c = 0; c < channels; c += maxOf(slabChannels, 1)) {
            const int64_t count = slabChannels > 0 ? minOf(slabChannels, channels - c) : channels;
            const Slab<T> slab = slabChannels > 0 ? makeSlab(window, part, slabOf(part),
                                                             x + at.ofX(part.image0) + c * window.strideC,
                                                             at.xOuter, count, copy)
                                                  : Slab<T>{};
            for (int64_t filter = filter0; filter < last; filter += kPanel) {
              const int64_t lines = minOf(kPanel, last - filter);
              const int vectors = lines <= L ? 1 : kTileVectors;
              packDy(packed, part, filter, lines, static_cast<int>(vectors * L));
              if (slabChannels == 0) checked(part, packed, filter, vectors);
              else accumulate(part, packed, filter, vectors, c, count, slab);
            }
            if (slabChannels == 0) break;
          }
        }
  }

  /// One filter to a group (depthwise): lanes run along the pixels instead. False: no kernel for the shape.
  bool depthwise() const {
    if constexpr (sizeof(T) == sizeof(float)) return floatDepthwise();
    else return false;
  }
  bool floatDepthwise() const {
    constexpr int64_t L = Lanes<T>::kCount;
    const DepthWeightKernel kernel = depthWeightKernel(shape.kernelH, shape.strideH);
    if (!kernel || shape.filters != 1 || shape.kernelW != shape.kernelH || shape.strideW != shape.strideH ||
        shape.dilationH != 1 || shape.dilationW != 1 || window.strideX != 1 || dyCol != 1)
      return false;
    // A channel's planes lie apart: no hardware expects the next one, though it follows long ones by itself.
    const bool asks = window.height * window.strideY <= kAskedPlane;
    for (int64_t c = 0; c < channels; ++c) {
      alignas(64) T lanes[kMostDepthTaps * L] = {};
      for (int64_t image = image0; image < image0 + images; ++image) {
        const int64_t next = asks && image + 1 < image0 + images ? image + 1 : image;
        kernel(
            {x + at.ofX(image) + c * window.strideC, window.strideY, window.height, window.width,
             window.originY, window.originX, nullptr, dy + at.ofDy(image), dyRow, 0, window.rows, window.cols,
             nullptr, T(0), false, false, at.ofX(next) - at.ofX(image), at.ofDy(next) - at.ofDy(image)},
            lanes);
      }
      foldLanes(lanes, cut.taps);
      for (int64_t i = 0; i < cut.taps; ++i) sums[(c * cut.taps + i) * cut.filters] = lanes[i * L];
    }
    return true;
  }

  /// Few taps and filters. False: others, or lines of dy that are not dense.
  bool narrow(T* scratch) const {
    if constexpr (sizeof(T) == sizeof(float)) {
      if (dyCol != 1 || dyRow != window.cols) return false;
      const Narrow n(window, channels, minOf(filters, shape.filters - filter0), dyFilter,
                     at.inner == 1 ? images : 1);
      if (!n.fits()) return false;
      T* const lanes = scratch + kNarrowSlab + kLine<T>;
      zeroRow(lanes, n.lines * n.lanes() * Lanes<T>::kCount);
      for (int64_t image = image0; image < image0 + images; image += n.images)
        for (int64_t row = 0; row < window.rows; row += n.rows) {
          const int64_t here = minOf(n.images, image0 + images - image),
                        count = minOf(n.rows, window.rows - row);
          for (int64_t i = 0; i < here; ++i) n.copy(x + at.ofX(image + i), row, count, scratch + i * n.slab);
          n.accumulate(scratch, here, dy + at.ofDy(image) + filter0 * dyFilter + row * dyRow, at.dyOuter,
                       count, lanes);
        }
      n.fold(lanes, sums + filter0, cut.filters);
      return true;
    }
    return false;
  }

  /// One tap that meets every pixel in turn. False: other windows, or planes that are not lines or too short.
  bool pixelwise(T* scratch) const {
    const WeightPlanes<T> planes{window,   channels, minOf(filters, shape.filters - filter0),
                                 dyFilter, dyRow,    dyCol};
    if (!planes.fits()) return false;
    for (int64_t image = image0; image < image0 + images; ++image)
      planes.add(x + at.ofX(image), dy + at.ofDy(image) + filter0 * dyFilter, sums + filter0, cut.filters,
                 image == image0, scratch);
    return true;
  }

  /// One tap's pixels lie together however far apart they are read.
  SlabShape slabOf(const PixelBlock& block) const {
    return slabShape(window, block, cut.taps == 1 ? window.stepX : 1);
  }

  int64_t channelsThatFit(PixelBlock& block) const {
    for (;;) {
      const int64_t need = slabStep<T>(slabOf(block), block.images);
      if (need <= kSlabRoom<T>) return minOf(kSlabRoom<T> / need, channels);
      if (block.images > 1) block.images = ceilDiv(block.images, 2);
      else if (block.rows > 1) block.rows = ceilDiv(block.rows, 2);
      else if (block.cols > 16) block.cols = ceilDiv(block.cols, 2);
      else return 0;
    }
  }

  void accumulate(const PixelBlock& block, const T* packed, int64_t filter, int vectors, int64_t c0,
                  int64_t count, const Slab<T>& slab) const {
    const int64_t lines = count * cut.taps, rows = ceilDiv(lines, ceilDiv(lines, kTileRows));
    int64_t offsets[kTileRows];
    TapTile<T> tile{slab.data,  offsets,    block.images, block.rows, block.cols, slab.strideImage,
                    slab.stepY, slab.stepX, packed,       nullptr,    cut.filters};
    if (tile.stepY == tile.cols * tile.stepX) {
      tile.cols *= tile.rows;
      tile.rows = tile.images;
      tile.stepY = tile.stepImage;
      tile.images = 1;
      if (tile.stepY == tile.cols * tile.stepX) tile.cols *= tile.rows, tile.rows = 1;
    }
    for (int64_t i = 0; i < lines; i += rows) {
      const int64_t here = minOf(rows, lines - i);
      tapOffsets(window, slab, 0, i, here, offsets);
      tile.sums = sums + (c0 * cut.taps + i) * cut.filters + filter;
      if (vectors == 1) TapTable<T, 1, WG_TILE_ROWS>::kRows[here - 1](tile);
      else TapTable<T, kTileVectors, WG_TILE_ROWS>::kRows[here - 1](tile);
    }
  }

  /// Windows too spread out for any slab: every read is tested.
  void checked(const PixelBlock& block, const T* packed, int64_t filter, int vectors) const {
    const int64_t width = vectors * Lanes<T>::kCount, here = minOf(width, cut.filters - filter);
    for (int64_t line = 0; line < channels * cut.taps; ++line) {
      const int64_t q = line % window.tapsX, r = line / window.tapsX % window.tapsY, c = line / cut.taps;
      T* const to = sums + line * cut.filters + filter;
      for (int64_t p = 0; p < block.rows * block.cols; ++p) {
        const int64_t row = (block.row0 + p / block.cols) * window.stepY + r * window.tapY + window.originY;
        const int64_t col = (block.col0 + p % block.cols) * window.stepX + q * window.tapX + window.originX;
        if (row < 0 || row >= window.height || col < 0 || col >= window.width) continue;
        const T value =
            x[at.ofX(block.image0) + c * window.strideC + row * window.strideY + col * window.strideX];
        for (int64_t f = 0; f < here; ++f) to[f] += value * packed[p * width + f];
      }
    }
  }
};

template <class T>
void run(Stream& s, const View& dWeight, const View& x, const View& dy, const ConvShape& c,
         const Images& at) {
  const Cut cut = cutOf<T>(c);
  const int64_t sums = cut.sums(c);
  if (sums == 0 || c.groups * c.filters == 0) return;
  if (!require(s, s.scratch != nullptr && s.scratchBytes >= bytesFor<T>(dWeight, c),
               "conv2dGradWeight: the workspace is too small"))
    return;
  T* const partial = static_cast<T*>(s.scratch);
  const Window window{c.channels,  c.kernelH,   c.kernelW,   c.height,  c.width,     x.stride[1],
                      x.stride[2], x.stride[3], c.strideH,   c.strideW, c.dilationH, c.dilationW,
                      -c.padH,     -c.padW,     c.outHeight, c.outWidth};
  if (hasFewPixels(dWeight, c)) return fewWeight<T>(s, dWeight, x, dy, c, window, at);
  const double total = static_cast<double>(c.images * c.outHeight * c.outWidth) * static_cast<double>(sums) *
                       static_cast<double>(c.groups);
  const bool small = total < 1 << 18;
  const auto each = [&](int64_t count, auto&& body) {
    if (!small) return parallelFor(s, count, body);
    for (int64_t i = 0; i < count; ++i) body(i);
  };

  each(c.groups * cut.channelBlocks * cut.filterBlocks * cut.imageBlocks, [&](int64_t piece) {
    const int64_t block = piece % cut.imageBlocks;
    piece /= cut.imageBlocks;
    const int64_t filter = piece % cut.filterBlocks * cut.width;
    piece /= cut.filterBlocks;
    const int64_t channel = piece % cut.channelBlocks * cut.channels, group = piece / cut.channelBlocks,
                  image = block * cut.images;
    T* const scratch = static_cast<T*>(workerScratch());
    if (!scratch) return fail(s, Code::outOfMemory, "conv2dGradWeight: no memory for a packing buffer");
    const Chunk<T> chunk{c,
                         cut,
                         window,
                         static_cast<const T*>(x.data) + (group * c.channels + channel) * x.stride[1],
                         static_cast<const T*>(dy.data) + group * c.filters * dy.stride[1],
                         at,
                         dy.stride[1],
                         dy.stride[2],
                         dy.stride[3],
                         image,
                         minOf(cut.images, c.images - image),
                         minOf(cut.channels, c.channels - channel),
                         filter,
                         cut.width,
                         partial + (block * c.groups + group) * sums + channel * cut.taps * cut.filters};
    chunk.run(scratch);
  });

  // Add the image blocks in order and turn [line][filter] into [filter][line], a line being a channel's tap.
  constexpr int64_t L = Lanes<T>::kCount;
  const int64_t lines = c.channels * cut.taps, some = 4 * L;
  const bool dense = isDense(dWeight, c);
  each(c.groups * ceilDiv(lines, some), [&](int64_t piece) {
    const int64_t group = piece / ceilDiv(lines, some), line0 = piece % ceilDiv(lines, some) * some,
                  here = minOf(some, lines - line0);
    T* const first = partial + group * sums + line0 * cut.filters;
    for (int64_t block = 1; block < cut.imageBlocks; ++block) {
      const T* const other = first + block * c.groups * sums;
      for (int64_t i = 0; i < here * cut.filters; i += L)
        storeVec(first + i, loadVec(first + i) + loadVec(other + i));
    }
    T* const out = static_cast<T*>(dWeight.data) + group * c.filters * dWeight.stride[0];
    int64_t done = 0;
    for (; dense && done + L <= here; done += L)
      for (int64_t f = 0; f < c.filters; f += L)
        transposeEdge(out + f * dWeight.stride[0] + line0 + done, dWeight.stride[0],
                      first + done * cut.filters + f, cut.filters, L,
                      static_cast<int>(minOf(L, c.filters - f)));
    for (; done < here; ++done) {
      const int64_t tap = (line0 + done) % cut.taps;
      T* const to = out + (line0 + done) / cut.taps * dWeight.stride[1] +
                    tap / c.kernelW * dWeight.stride[2] + tap % c.kernelW * dWeight.stride[3];
      for (int64_t f = 0; f < c.filters; ++f) to[f * dWeight.stride[0]] = first[done * cut.filters + f];
    }
  });
}

}  // namespace

size_t conv2dGradWeightWorkspace(const Out& dWeight, const In& x, const In& dy, const Conv2dParams& params) {
  if (!convPlausible(dy, x, dWeight, params)) return 0;
  const ConvShape c = convShape(dy, x, dWeight, params);
  if (c.kernelH < 1 || c.kernelW < 1) return 0;
  if (const int64_t method = winogradWeightMethod(dWeight, x, dy, params))
    return winogradWeightBytes(dWeight, x, dy, params, method);
  return dWeight.dtype == DType::f64 ? bytesFor<double>(dWeight, c) : bytesFor<float>(dWeight, c);
}

void conv2dGradWeight(Stream& s, const Out& dWeight, const In& x, const In& dy, const Conv2dParams& params) {
  if (!convFits(s, "conv2dGradWeight", dy, x, dWeight, params)) return;
  if (const int64_t method = winogradWeightMethod(dWeight, x, dy, params))
    return winogradWeight(s, dWeight, x, dy, params, method);
  const ConvShape c = convShape(dy, x, dWeight, params);
  const Images at{1, x.stride[0], 0, dy.stride[0], 0};
  if (dWeight.dtype == DType::f64) run<double>(s, dWeight, x, dy, c, at);
  else run<float>(s, dWeight, x, dy, c, at);
}

size_t conv3dGradWeightWorkspace(const Out& dWeight, const In& x, const In& dy, const Conv3dParams& params) {
  if (dWeight.rank != 5 || x.rank != 5 || dy.rank != 5) return 0;
  const View w = planes(dWeight, 0, 0), source = planes(x, 0, 0), target = planes(dy, 0, 0);
  if (!convPlausible(target, source, w, planesOf(params))) return 0;
  ConvShape c = convShape(target, source, w, planesOf(params));
  if (numel(dWeight) == 0 || params.strideD < 1) return 0;
  // How many planes a tap reaches decides how the work is cut.
  size_t most = 0;
  for (int64_t tap = 0; tap < dWeight.shape[2]; ++tap) {
    c.images = x.shape[0] * depthTap(tap, dy.shape[2], x.shape[2], params).count;
    const size_t bytes = dWeight.dtype == DType::f64 ? bytesFor<double>(w, c) : bytesFor<float>(w, c);
    if (bytes > most) most = bytes;
  }
  return most;
}

void conv3dGradWeight(Stream& s, const Out& dWeight, const In& x, const In& dy, const Conv3dParams& params) {
  if (!convFits(s, "conv3dGradWeight", dy, x, dWeight, params) || numel(dWeight) == 0) return;
  for (int64_t tap = 0; tap < dWeight.shape[2] && !failed(s); ++tap) {
    const DepthTap depth = depthTap(tap, dy.shape[2], x.shape[2], params);
    const int64_t from = depth.count > 0 ? depth.from : 0,
                  to = depth.count > 0 ? depth.from * params.strideD + depth.shift : 0;
    const View w = planes(dWeight, tap, 0), source = planes(x, to, 0), target = planes(dy, from, 0);
    ConvShape c = convShape(target, source, w, planesOf(params));
    c.images = x.shape[0] * depth.count;
    const Images at{depth.count, x.stride[0], params.strideD * x.stride[2], dy.stride[0], dy.stride[2]};
    if (dWeight.dtype == DType::f64) run<double>(s, w, source, target, c, at);
    else run<float>(s, w, source, target, c, at);
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
