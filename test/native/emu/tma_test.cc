// Tensor copies: tiles of every rank and swizzle, edges, stores, additions, im2col, multicast.
#include "../../../native/cuda/wg/tma.h"

#include <random>

#include "../../../native/cuda/wg/cluster.h"
#include "harness.h"

namespace wg::cuda {

using namespace harness;

namespace {

WG_DEV uint32_t permuted(uint32_t at, Swizzle mode) {
  const uint32_t mask = (1u << static_cast<int>(mode)) - 1;
  return at ^ (((at >> 7) & mask) << 4);
}

/// One thread asks for a piece of `bytes`; all copy it out, unpermuted.
template <int rank, class Issue>
WG_DEV void copyOut(unsigned char* out, int bytes, Swizzle mode, Issue issue) {
  WG_DYN_SHARED(tile);
  WG_SHARED(MBarrier, b);
  if (threadIdx.x == 0) {
    initBarrier(b, 1);
    fenceBarrierInit();
    arriveExpect(b, bytes);
    issue(tile, b);
  }
  __syncthreads();
  wait(b, 0);
  for (int i = static_cast<int>(threadIdx.x); i < bytes; i += 32)
    out[i] = tile[permuted(static_cast<uint32_t>(i), mode)];
}

template <int rank>
WG_KERNEL(32)
loadTile(const WG_GRID_CONSTANT TensorMap map, At<rank> at, unsigned char* out, int bytes, Swizzle mode) {
  copyOut<rank>(out, bytes, mode, [&](unsigned char* to, MBarrier& b) { tensorLoad(to, map, b, at); });
}

template <class T>
constexpr Element elementOf() {
  return sizeof(T) == 1 ? Element::u8 : sizeof(T) == 2 ? Element::f16 : Element::i32;
}

template <int rank, class T>
void checkTile(Swizzle mode, const int (&size)[rank], const int (&box)[rank],
               std::initializer_list<At<rank>> places) {
  int64_t pitch[5] = {static_cast<int64_t>(sizeof(T))}, total = 1;
  for (int a = 0; a < rank; a++) {
    const int64_t bytes = (a ? pitch[a] : pitch[0]) * size[a];
    if (a + 1 < 5) pitch[a + 1] = (bytes + 15) / 16 * 16;
    total *= size[a];
  }
  Buffer<T> in(static_cast<size_t>(pitch[rank - 1] * size[rank - 1]));
  for (size_t i = 0; i < in.size(); i++) in[i] = static_cast<T>(i % 251 + 1);
  Tile tile{in.data(), elementOf<T>(), mode, rank, {}, {}, {}};
  int elements = 1;
  for (int a = 0; a < rank; a++) {
    tile.size[a] = size[a];
    tile.stride[a] = pitch[a];
    tile.box[a] = box[a];
    elements *= box[a];
  }
  TensorMap map;
  const char* refused = encode(map, tile);
  CHECK(refused == nullptr);
  const int bytes = elements * static_cast<int>(sizeof(T));
  Buffer<T> out(static_cast<size_t>(elements));
  for (const At<rank>& at : places)
    underEverySchedule([&](const char*) {
      CHECK_EQUAL(run({.shared = static_cast<size_t>(bytes)}, loadTile<rank>, map, at,
                      reinterpret_cast<unsigned char*>(out.data()), bytes, mode),
                  "");
      for (int e = 0; e < elements; e++) {
        int64_t offset = 0;
        bool inside = true;
        for (int a = 0, rest = e; a < rank; rest /= box[a++]) {
          const int64_t x = at.at[a] + rest % box[a];
          inside = inside && x >= 0 && x < size[a];
          offset += x * pitch[a];
        }
        T wanted{};
        if (inside) std::memcpy(&wanted, reinterpret_cast<char*>(in.data()) + offset, sizeof(T));
        CHECK_EQUAL(out[static_cast<size_t>(e)], wanted);
      }
    });
}
TEST(tiles_of_every_rank) {
  checkTile<1, uint32_t>(Swizzle::none, {100}, {32}, {{{0}}, {{90}}, {{-5}}});
  checkTile<2, uint16_t>(Swizzle::none, {70, 9}, {24, 4}, {{{0, 0}}, {{60, 7}}, {{-3, -2}}});
  checkTile<3, uint32_t>(Swizzle::none, {12, 5, 4}, {8, 3, 2}, {{{3, 1, 1}}, {{8, 3, 3}}});
  checkTile<4, uint8_t>(Swizzle::none, {40, 3, 4, 3}, {16, 2, 2, 2}, {{{16, 1, 2, 1}}, {{30, -1, 3, 2}}});
  checkTile<5, uint16_t>(Swizzle::none, {10, 3, 3, 2, 3}, {8, 2, 2, 2, 2},
                         {{{1, 1, 0, 0, 1}}, {{8, 2, 2, 1, 2}}});
}
TEST(tiles_of_every_swizzle) {
  checkTile<2, uint16_t>(Swizzle::bytes32, {64, 40}, {16, 32}, {{{16, 3}}, {{56, 20}}});
  checkTile<2, uint16_t>(Swizzle::bytes64, {64, 40}, {32, 32}, {{{0, 0}}, {{40, 20}}});
  checkTile<2, uint16_t>(Swizzle::bytes128, {128, 40}, {64, 32}, {{{64, 8}}, {{100, -4}}});
  checkTile<2, uint32_t>(Swizzle::bytes128, {64, 40}, {32, 16}, {{{32, 8}}});
  checkTile<3, uint8_t>(Swizzle::bytes128, {128, 5, 5}, {128, 4, 2}, {{{0, 1, 3}}});
}

template <bool add>
WG_KERNEL(32)
storeTile(const WG_GRID_CONSTANT TensorMap map, At<2> at, Swizzle mode) {
  WG_DYN_SHARED(bytes);
  auto* tile = reinterpret_cast<float*>(bytes);
  for (uint32_t i = threadIdx.x; i < 16 * 8; i += 32)
    tile[permuted(4 * i, mode) / 4] = static_cast<float>(i + 1);
  fenceAsync();
  __syncthreads();
  if (threadIdx.x == 0) {
    prefetchMap(map);
    if (add) tensorAdd(map, tile, at);
    else tensorStore(map, tile, at);
    tensorStoreCommit();
    tensorStoreWaitRead<0>();
    tensorStoreWait<0>();
  }
}
TEST(stores_and_additions_leave_out_what_is_outside) {
  for (const Swizzle mode : {Swizzle::none, Swizzle::bytes64})
    for (const At<2> at : {At<2>{{0, 0}}, At<2>{{14, 7}}, At<2>{{-4, -3}}})
      for (const bool add : {false, true}) {
        Buffer<float> out(20 * 10, 100);
        TensorMap map;
        CHECK(!encode(map, Tile{out.data(), Element::f32, mode, 2, {20, 10}, {4, 80}, {16, 8}}));
        CHECK_EQUAL(run({.shared = 512}, add ? storeTile<true> : storeTile<false>, map, at, mode), "");
        for (int y = 0; y < 10; y++)
          for (int x = 0; x < 20; x++) {
            const int i = x - at.at[0], j = y - at.at[1];
            const bool inside = i >= 0 && i < 16 && j >= 0 && j < 8;
            const float value = static_cast<float>(j * 16 + i + 1);
            CHECK_EQUAL(out[static_cast<size_t>(y * 20 + x)], !inside ? 100.0f : add ? 100 + value : value);
          }
      }
}

template <int rank>
WG_KERNEL(32)
loadPatches(const WG_GRID_CONSTANT TensorMap map, At<rank> at, Tap<rank - 2> tap, unsigned char* out,
            int bytes, Swizzle mode) {
  copyOut<rank>(out, bytes, mode, [&](unsigned char* to, MBarrier& b) { patchLoad(to, map, b, at, tap); });
}
// The rows of a convolution's matrix, tap by tap, as im2col copies give them.
TEST(patches_of_a_convolution) {
  constexpr int C = 8, W = 9, H = 7, N = 3, R = 3, S = 3, pixels = 24;
  for (const int stride : {1, 2})
    for (const int dilation : {1, 2}) {
      const int pad = dilation;
      Buffer<float> x(C * W * H * N);
      for (size_t i = 0; i < x.size(); i++) x[i] = static_cast<float>(i + 1);
      const int reach = (S - 1) * dilation;
      Patches p{x.data(),
                Element::f32,
                Swizzle::bytes32,
                4,
                {C, W, H, N},
                {4, C * 4, C * W * 4, C * W * H * 4},
                {-pad, -pad},
                {pad - reach, pad - reach},
                {stride, stride},
                C,
                pixels};
      TensorMap map;
      CHECK(!encode(map, p));
      const int outW = (W + 2 * pad - reach - 1) / stride + 1, outH = (H + 2 * pad - reach - 1) / stride + 1;
      Buffer<float> out(C * pixels);
      for (const int first : {0, 5, outW * outH * 2 - 3})
        for (int tap = 0; tap < R * S; tap++) {
          const int s = tap % S, r = tap / S;
          const int q0 = first % outW, p0 = first / outW % outH, n0 = first / outW / outH;
          CHECK_EQUAL(run({.shared = C * pixels * 4}, loadPatches<4>, map,
                          At<4>{{0, q0 * stride - pad, p0 * stride - pad, n0}},
                          Tap<2>{{static_cast<uint16_t>(s * dilation), static_cast<uint16_t>(r * dilation)}},
                          reinterpret_cast<unsigned char*>(out.data()), C * pixels * 4, Swizzle::bytes32),
                      "");
          for (int i = 0; i < pixels; i++)
            for (int c = 0; c < C; c++) {
              const int at = first + i, n = at / outW / outH;
              const int w = at % outW * stride - pad + s * dilation,
                        h = at / outW % outH * stride - pad + r * dilation;
              const bool inside = n < N && w >= 0 && w < W && h >= 0 && h < H;
              CHECK_EQUAL(out[static_cast<size_t>(i * C + c)],
                          inside ? x[static_cast<size_t>(((n * H + h) * W + w) * C + c)] : 0.0f);
            }
        }
    }
}
TEST(patches_of_lines_and_volumes) {
  Buffer<float> x(8 * 10 * 4);
  for (size_t i = 0; i < x.size(); i++) x[i] = static_cast<float>(i + 1);
  TensorMap map;
  Buffer<float> out(8 * 12);
  CHECK(!encode(
      map,
      Patches{x.data(), Element::f32, Swizzle::none, 3, {8, 10, 4}, {4, 32, 320}, {-1}, {-1}, {1}, 8, 12}));
  CHECK_EQUAL(run({.shared = 384}, loadPatches<3>, map, At<3>{{0, 3, 1}}, Tap<1>{{2}},
                  reinterpret_cast<unsigned char*>(out.data()), 384, Swizzle::none),
              "");
  for (int i = 0; i < 12; i++) {  // ten pixels a line, from -1 to 8; the tap looks two further
    const int at = 4 + i, w = at % 10 + 1, n = 1 + at / 10;
    for (int c = 0; c < 8; c++)
      CHECK_EQUAL(out[static_cast<size_t>(i * 8 + c)],
                  w < 10 ? x[static_cast<size_t>((n * 10 + w) * 8 + c)] : 0.0f);
  }
  CHECK(!encode(map, Patches{x.data(),
                             Element::f32,
                             Swizzle::none,
                             5,
                             {8, 5, 2, 2, 2},
                             {4, 32, 160, 320, 640},
                             {0, 0, 0},
                             {0, 0, -1},
                             {1, 1, 1},
                             8,
                             12}));
  CHECK_EQUAL(run({.shared = 384}, loadPatches<5>, map, At<5>{{0, 0, 0, 0, 0}}, Tap<3>{{0, 0, 1}},
                  reinterpret_cast<unsigned char*>(out.data()), 384, Swizzle::none),
              "");
  for (int i = 0; i < 12; i++) {  // ten pixels of the second plane, then the second image's
    const int n = i / 10, at = ((n * 2 + 1) * 2 + i % 10 / 5) * 5 + i % 5;
    CHECK_EQUAL(out[static_cast<size_t>(i * 8)], x[static_cast<size_t>(at * 8)]);
  }
}

// Every block loads a quarter of a tile for all four.
WG_KERNEL(32) multicast(const WG_GRID_CONSTANT TensorMap map, float* out) {
  WG_SHARED(MBarrier, b);
  WG_DYN_SHARED(bytes);
  auto* tile = reinterpret_cast<float*>(bytes);
  const int rank = clusterRank();
  if (threadIdx.x == 0) {
    initBarrier(b, 1);
    fenceBarrierInit();
    arriveExpect(b, 4 * 512);
  }
  clusterSync();  // every barrier expects before anyone's copy arrives
  if (threadIdx.x == 0) tensorLoad(tile + rank * 128, map, b, At{0, rank * 4}, 0xf);
  wait(b, 0);
  for (unsigned i = threadIdx.x; i < 512; i += 32) out[blockIdx.x * 512 + i] = tile[i];
  clusterSync();
}
TEST(multicast_reaches_every_block) {
  underEverySchedule([](const char*) {
    Buffer<float> in(512), out(8 * 512);
    for (size_t i = 0; i < 512; i++) in[i] = static_cast<float>(i);
    TensorMap map;
    CHECK(!encode(map, Tile{in.data(), Element::f32, Swizzle::none, 2, {32, 16}, {4, 128}, {32, 4}}));
    CHECK_EQUAL(run({.grid = {8}, .shared = 2048, .cluster = {4}}, multicast, map, out.data()), "");
    for (size_t i = 0; i < out.size(); i++) CHECK_EQUAL(out[i], static_cast<float>(i % 512));
  });
}

enum class Bug { none, noWait, releasedEarly, tooFewBytes, neverWaited };

// One thread keeps three stages filled, the other warps read them.
template <Bug bug>
WG_KERNEL(96)
stages(const WG_GRID_CONSTANT TensorMap map, float* out, int rounds) {
  constexpr int kStages = 3, kFloats = 64;
  WG_DYN_SHARED(bytes);
  WG_SHARED(MBarrier, full, [kStages]);
  WG_SHARED(MBarrier, empty, [kStages]);
  auto* stage = reinterpret_cast<float*>(bytes);
  const int t = static_cast<int>(threadIdx.x);
  if (t == 0) {
    for (int s = 0; s < kStages; s++) {
      initBarrier(full[s], 1);
      initBarrier(empty[s], 2);
    }
    fenceBarrierInit();
  }
  __syncthreads();
  if (t == 0) {
    for (int r = 0; r < rounds; r++) {
      const int s = r % kStages;
      wait(empty[s], (r / kStages & 1) ^ 1);
      arriveExpect(full[s], bug == Bug::tooFewBytes ? 128 : 256);
      tensorLoad(stage + s * kFloats, map, full[s], At{0, r});
    }
  } else if (t >= 32) {
    for (int r = 0; r < rounds; r++) {
      const int s = r % kStages;
      if (bug == Bug::releasedEarly && t % 32 == 0) arrive(empty[s]);
      if (bug == Bug::neverWaited && r == rounds - 1) break;
      if (bug != Bug::noWait) wait(full[s], r / kStages & 1);
      out[r * kFloats + t - 32] = stage[s * kFloats + 95 - t];
      __syncwarp();
      if (bug != Bug::releasedEarly && t % 32 == 0) arrive(empty[s]);
    }
  }
}
template <Bug bug>
int wrongSchedules(std::string* message = nullptr) {
  return countSchedules([&] {
    constexpr int rounds = 11;
    Buffer<float> in(rounds * 64), out(rounds * 64);
    for (size_t i = 0; i < in.size(); i++) in[i] = static_cast<float>(i);
    TensorMap map;
    CHECK(!encode(map, Tile{in.data(), Element::f32, Swizzle::none, 2, {64, rounds}, {4, 256}, {64, 1}}));
    const std::string failure = run({.block = {96}, .shared = 3 * 256}, stages<bug>, map, out.data(), rounds);
    if (message && !failure.empty()) *message = failure;
    bool wrong = !failure.empty();
    for (size_t i = 0; i < out.size(); i++) wrong |= out[i] != in[i / 64 * 64 + 63 - i % 64];
    return wrong;
  });
}
TEST(stages_filled_by_tensor_copies) { CHECK_EQUAL(wrongSchedules<Bug::none>(), 0); }

#ifndef __CUDACC__
TEST(misuse_of_stages_shows) {
  std::string message;
  CHECK(wrongSchedules<Bug::noWait>() >= 6);
  CHECK(wrongSchedules<Bug::releasedEarly>() >= 3);
  CHECK_EQUAL(wrongSchedules<Bug::tooFewBytes>(&message), 12);
  CHECK(wrongSchedules<Bug::neverWaited>(&message) == 12);
}

WG_KERNEL(32) misuse(const WG_GRID_CONSTANT TensorMap map, int which) {
  WG_SHARED(MBarrier, b);
  WG_DYN_SHARED(bytes);
  if (threadIdx.x > 0) return;
  initBarrier(b, 1);
  arriveExpect(b, 256);
  if (which == 0) tensorLoad(bytes + 16, map, b, At{0, 0});
  if (which == 1) tensorLoad(bytes + 128, map, b, At{0, 0}, 0x4);
  if (which == 2) tensorLoad(bytes + 512, map, b, At{0, 0});
  if (which == 3) tensorLoad(bytes, map, b, At{0, 0});
  if (which == 4) {
    tensorStore(map, bytes, At{0, 0});
    tensorStoreCommit();
  }
  if (which == 5) patchLoad(bytes, map, b, At{0, 0, 0}, Tap<1>{{0}});
}
TEST(misuse_of_tensor_copies_is_reported) {
  Buffer<float> in(64 * 16);
  Tile tile{in.data(), Element::f32, Swizzle::none, 2, {64, 16}, {4, 256}, {64, 1}};
  TensorMap map;
  CHECK(!encode(map, tile));
  const auto says = [&](int which) { return run({.shared = 640}, misuse, map, which); };
  CHECK_SAYS(says(0), "which is not 128-byte aligned");
  CHECK_SAYS(says(1), "a multicast to block 2 of a cluster of 1");
  CHECK_SAYS(says(2), "not all in one variable of shared memory");
  emu::setSchedule("late");
  CHECK_SAYS(says(3), "the block ended while 1 copies into its shared memory were in flight");
  CHECK_SAYS(says(4), "the thread ended with 1 tensor stores");
  CHECK_SAYS(says(5), "a tensor map for tiles used for im2col");
  const auto refused = [&](auto change) {
    Tile t = tile;
    change(t);
    const char* reason = encode(map, t);
    return std::string(reason ? reason : "");
  };
  CHECK_SAYS(refused([](Tile& t) { t.base = static_cast<char*>(t.base) + 4; }), "16-byte aligned");
  CHECK_SAYS(refused([](Tile& t) { t.stride[1] = 260; }), "stride");
  CHECK_SAYS(refused([](Tile& t) { t.box[0] = 300; }), "box");
  CHECK_SAYS(refused([](Tile& t) { t.box[0] = 3; }), "multiple of 16 bytes");
  CHECK_SAYS(refused([](Tile& t) { t.swizzle = Swizzle::bytes128; }), "larger than what is swizzled");
}
#endif

}  // namespace
}  // namespace wg::cuda
