// ldmatrix, stmatrix and mma.sync against plain loops; the formats they take.
#include "../../../native/cuda/wg/mma.h"

#include <random>

#include "../../../native/cuda/wg/math.h"
#include "harness.h"

namespace wg::cuda {

using namespace harness;

namespace {

template <int count, Transpose transpose>
WG_KERNEL(32)
throughRegisters(uint16_t* out, const uint16_t* in, uint32_t* registers) {
  WG_SHARED(uint16_t, from, [count * 64]);
  WG_SHARED(uint16_t, to, [count * 64]);
  for (unsigned i = threadIdx.x; i < count * 64; i += 32) from[i] = in[i];
  __syncwarp();
  const int row = static_cast<int>(threadIdx.x) % (8 * count) * 8;
  uint32_t r[count];
  loadMatrix<count, transpose>(r, from + row);
  for (int m = 0; m < count; m++) registers[static_cast<int>(threadIdx.x) * count + m] = r[m];
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  storeMatrix<count, transpose>(to + row, r);
  __syncwarp();
  for (unsigned i = threadIdx.x; i < count * 64; i += 32) out[i] = to[i];
#else
  for (unsigned i = threadIdx.x; i < count * 64; i += 32) out[i] = to[i] = from[i];
#endif
}
template <int count, Transpose transpose>
void checkMatrices() {
  underEverySchedule([](const char*) {
    Buffer<uint16_t> in(count * 64), out(count * 64);
    Buffer<uint32_t> registers(32 * count);
    for (size_t i = 0; i < in.size(); i++) in[i] = static_cast<uint16_t>(1000 + i);
    CHECK_EQUAL(run({}, throughRegisters<count, transpose>, out.data(), in.data(), registers.data()), "");
    for (size_t i = 0; i < in.size(); i++) CHECK_EQUAL(out[i], in[i]);
    for (int l = 0; l < 32; l++)
      for (int m = 0; m < count; m++)
        for (int h = 0; h < 2; h++) {
          const int row = l / 4, column = l % 4 * 2 + h;
          const int at = transpose == Transpose::no ? row * 8 + column : column * 8 + row;
          CHECK_EQUAL(registers[static_cast<size_t>(l * count + m)] >> (16 * h) & 0xffff, 1000 + m * 64 + at);
        }
  });
}
TEST(matrices_of_shared_memory) {
  checkMatrices<1, Transpose::no>();
  checkMatrices<2, Transpose::no>();
  checkMatrices<4, Transpose::no>();
  checkMatrices<1, Transpose::yes>();
  checkMatrices<2, Transpose::yes>();
  checkMatrices<4, Transpose::yes>();
}

enum class Kind { bf16, f16, tf32, s8 };

// a (16 x k) in rows, b (k x 8) in columns, d (16 x 8) in rows.
template <Kind kind, class T>
WG_KERNEL(32)
multiply(T* d, const float* a, const float* b) {
  constexpr int k = kind == Kind::tf32 ? 8
                    : kind == Kind::s8 ? 32
                                       : 16,
                pack = kind == Kind::tf32 ? 1
                       : kind == Kind::s8 ? 4
                                          : 2;
  const int g = static_cast<int>(threadIdx.x) / 4, q = static_cast<int>(threadIdx.x) % 4;
  const auto pick = [&](const float* p) -> uint32_t {
    if constexpr (kind == Kind::tf32) return toTf32(p[0]);
    if constexpr (kind == Kind::bf16) return packBf16(p[0], p[1]);
    if constexpr (kind == Kind::f16) return packF16(p[0], p[1]);
    uint32_t bits = 0;
    for (int i = 0; i < pack; i++) bits |= (static_cast<uint32_t>(static_cast<int>(p[i])) & 0xffu) << (8 * i);
    return bits;
  };
  const float *low = a + g * k + q * pack, *high = low + 8 * k, *column = b + g * k + q * pack;
  const uint32_t fa[4] = {pick(low), pick(high), pick(low + k / 2), pick(high + k / 2)};
  const uint32_t fb[2] = {pick(column), pick(column + k / 2)};
  T* at = d + g * 8 + 2 * q;
  T fd[4] = {at[0], at[1], at[64], at[65]};
  if constexpr (kind == Kind::bf16) mmaBf16(fd, fa, fb);
  if constexpr (kind == Kind::f16) mmaF16(fd, fa, fb);
  if constexpr (kind == Kind::tf32) mmaTf32(fd, fa, fb);
  if constexpr (kind == Kind::s8) mmaS8(fd, fa, fb);
  at[0] = fd[0], at[1] = fd[1], at[64] = fd[2], at[65] = fd[3];
}
template <Kind kind, class T>
void checkProduct(int k) {
  std::mt19937 random(3);
  underEverySchedule([&](const char*) {
    Buffer<float> a(static_cast<size_t>(16 * k)), b(static_cast<size_t>(8 * k));
    Buffer<T> d(128);
    for (float& x : a) x = static_cast<float>(static_cast<int>(random() % 101)) - 50;
    for (float& x : b) x = static_cast<float>(static_cast<int>(random() % 101)) - 50;
    std::vector<double> wanted(128);
    for (int r = 0; r < 16; r++)
      for (int c = 0; c < 8; c++) {
        double sum = r + c;
        for (int i = 0; i < k; i++)
          sum += static_cast<double>(a[static_cast<size_t>(r * k + i)]) *
                 static_cast<double>(b[static_cast<size_t>(c * k + i)]);
        wanted[static_cast<size_t>(r * 8 + c)] = sum;
        d[static_cast<size_t>(r * 8 + c)] = static_cast<T>(r + c);
      }
    CHECK_EQUAL(run({}, multiply<kind, T>, d.data(), a.data(), b.data()), "");
    // Small whole numbers: every format and order of addition is exact.
    for (size_t i = 0; i < 128; i++) CHECK_EQUAL(static_cast<double>(d[i]), wanted[i]);
  });
}
TEST(products_of_a_warp) {
  checkProduct<Kind::bf16, float>(16);
  checkProduct<Kind::f16, float>(16);
  checkProduct<Kind::tf32, float>(8);
  checkProduct<Kind::s8, int32_t>(32);
}

WG_KERNEL(32) convert(const float* in, uint32_t* bits, float* back, int n) {
  for (int i = static_cast<int>(threadIdx.x); i < n; i += 32) {
    bits[3 * i] = packBf16(in[i], 1.0f);
    bits[3 * i + 1] = packF16(in[i], 1.0f);
    bits[3 * i + 2] = toTf32(in[i]);
    const Floats2 b = unpackBf16(bits[3 * i]), h = unpackF16(bits[3 * i + 1]);
    back[4 * i] = b.low, back[4 * i + 1] = b.high, back[4 * i + 2] = h.low, back[4 * i + 3] = h.high;
  }
}
TEST(formats_of_16_and_19_bits) {
  struct Row {
    float value;
    uint32_t bf16, f16, tf32;
  };
  const float inf = __builtin_inff();
  const Row rows[] = {{0, 0, 0, 0},
                      {-0.0f, 0x8000, 0x8000, 0x80000000},
                      {1, 0x3f80, 0x3c00, 0x3f800000},
                      {1.00390625f, 0x3f80, 0x3c04, 0x3f808000},     // halfway in bf16: to even
                      {1.01171875f, 0x3f82, 0x3c0c, 0x3f818000},     // the other halfway
                      {1.00048828125f, 0x3f80, 0x3c00, 0x3f802000},  // halfway in f16; tf32 rounds it away
                      {65504, 0x4780, 0x7bff, 0x477fe000},
                      {65519.996f, 0x4780, 0x7bff, 0x477fe000},
                      {65520, 0x4780, 0x7c00, 0x47800000},
                      {6.103515625e-5f, 0x3880, 0x0400, 0x38800000},
                      {6.0975551605224609375e-5f, 0x3880, 0x03ff, 0x387fc000},
                      {5.9604644775390625e-8f, 0x3380, 0x0001, 0x33800000},
                      {2.98023223876953125e-8f, 0x3300, 0x0000, 0x33000000},
                      {inf, 0x7f80, 0x7c00, 0x7f800000},
                      {-inf, 0xff80, 0xfc00, 0xff800000}};
  constexpr int n = sizeof rows / sizeof *rows;
  Buffer<float> in(n), back(4 * n);
  Buffer<uint32_t> bits(3 * n);
  for (size_t i = 0; i < n; i++) in[i] = rows[i].value;
  CHECK_EQUAL(run({}, convert, in.data(), bits.data(), back.data(), n), "");
  for (size_t i = 0; i < n; i++) {
    CHECK_EQUAL(bits[3 * i], rows[i].bf16 | 0x3f800000);
    CHECK_EQUAL(bits[3 * i + 1], rows[i].f16 | 0x3c000000);
    CHECK_EQUAL(bits[3 * i + 2], rows[i].tf32);
    CHECK_EQUAL(back[4 * i + 1], 1.0f);
    CHECK_EQUAL(back[4 * i + 3], 1.0f);
    if (rows[i].f16 % 0x8000 < 0x7c00)
      CHECK(std::fabs(back[4 * i + 2] - in[i]) <= std::fabs(in[i]) / 2048 + 3e-8f);
    else CHECK_EQUAL(back[4 * i + 2], in[i] > 0 ? inf : -inf);
  }
}

WG_KERNEL(32) fast(const float* in, float* out, int n) {
  for (int i = static_cast<int>(threadIdx.x); i < n; i += 32) {
    const float x = in[i];
    float* o = out + 8 * i;
    o[0] = fastExp2(x), o[1] = fastExp(x), o[2] = fastLog2(x), o[3] = fastLog(x);
    o[4] = fastReciprocal(x), o[5] = fastRsqrt(x), o[6] = fastTanh(x), o[7] = multiplyAdd(x, x, 1);
  }
}
TEST(fast_functions) {
  constexpr int n = 200;
  Buffer<float> in(n), out(8 * n);
  for (int i = 0; i < n; i++) in[static_cast<size_t>(i)] = 0.05f * static_cast<float>(i + 1);
  CHECK_EQUAL(run({}, fast, in.data(), out.data(), n), "");
  for (size_t i = 0; i < n; i++) {
    const double x = static_cast<double>(in[i]);
    const double wanted[] = {std::exp2(x), std::exp(x),      std::log2(x), std::log(x),
                             1 / x,        1 / std::sqrt(x), std::tanh(x), x * x + 1};
    for (size_t k = 0; k < 8; k++) {
      const double tolerance = k == 6 ? 1e-3 : 2e-6;
      CHECK(std::fabs(static_cast<double>(out[8 * i + k]) - wanted[k]) <=
            tolerance * std::fmax(1, std::fabs(wanted[k])));
    }
  }
}

#ifndef __CUDACC__
WG_KERNEL(32) divergentProduct(float* out) {
  float d[4] = {};
  const uint32_t a[4] = {}, b[2] = {};
  if (threadIdx.x < 8) mmaBf16(d, a, b);
  else mmaBf16(d, a, b);
  out[threadIdx.x] = d[0];
}
WG_KERNEL(32) skewedRows(float* out) {
  WG_SHARED(uint16_t, tile, [128]);
  uint32_t r[1];
  loadMatrix(r, tile + threadIdx.x % 8 * 8 + (threadIdx.x == 5 ? 1 : 0));
  out[threadIdx.x] = static_cast<float>(r[0]);
}
TEST(misuse_of_matrix_instructions_is_reported) {
  Buffer<float> out(32);
  CHECK_SAYS(run({}, divergentProduct, out.data()), "divergent warp: this thread is in mma, lane ");
  CHECK_SAYS(run({}, skewedRows, out.data()), "thread (5,0,0) at mma_test.cc:");
  CHECK_SAYS(run({}, skewedRows, out.data()), "ldmatrix of 0x");
}
#endif

}  // namespace
}  // namespace wg::cuda
