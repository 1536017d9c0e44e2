#include "matrix.h"

#include <cstring>

namespace wg::emu {
namespace {

constexpr uint32_t kWholeWarp = 0xffffffffu;

struct Fragments {
  MatrixType type;
  void* d;
  const uint32_t *a, *b;
};

/// Lane l holds rows g and g + 8 of A, column g of B, and of D in both rows the columns 2q and 2q + 1, where
/// l = 4g + q. Each 32-bit register of A and B has one (tf32), two or four (s8) neighbours along k.
template <class T, int depth, int perRegister, class Unpack>
void multiply(void* const* arguments, Unpack unpack) {
  typedef T Four __attribute__((vector_size(4 * sizeof(T))));
  T a[16][depth];
  alignas(Four) T b[depth][8];
  for (int l = 0; l < 32; l++) {
    const auto& f = *static_cast<const Fragments*>(arguments[l]);
    const int g = l / 4, k = l % 4 * perRegister;
    for (int e = 0; e < perRegister; e++) {
      a[g][k + e] = unpack(f.a[0], e);
      a[g + 8][k + e] = unpack(f.a[1], e);
      a[g][k + e + depth / 2] = unpack(f.a[2], e);
      a[g + 8][k + e + depth / 2] = unpack(f.a[3], e);
      b[k + e][g] = unpack(f.b[0], e);
      b[k + e + depth / 2][g] = unpack(f.b[1], e);
    }
  }
  // Four rows at a time: their sums do not wait for each other.
  for (int r = 0; r < 16; r += 4) {
    Four low[4] = {}, high[4] = {};
    for (int k = 0; k < depth; k++) {
      const Four left = *reinterpret_cast<const Four*>(&b[k][0]),
                 right = *reinterpret_cast<const Four*>(&b[k][4]);
      for (int i = 0; i < 4; i++) {
        low[i] += a[r + i][k] * left;
        high[i] += a[r + i][k] * right;
      }
    }
    for (int i = 0; i < 4; i++)
      for (int q = 0; q < 4; q++) {
        auto* d = static_cast<T*>(static_cast<const Fragments*>(arguments[(r + i) % 8 * 4 + q])->d) +
                  (r + i) / 8 * 2;
        const Four& sum = q < 2 ? low[i] : high[i];
        d[0] += sum[q % 2 * 2];
        d[1] += sum[q % 2 * 2 + 1];
      }
  }
}

struct Rows {
  uint32_t* r;
  char* row;
  int count;
  bool transpose;
};

/// Calls f(register, where its two values lie): one after the other, or rows and columns swapped below each
/// other.
template <class F>
void eachRegister(void* const* arguments, F f) {
  const auto& first = *static_cast<const Rows*>(arguments[0]);
  for (int l = 0; l < 32; l++) {
    uint32_t* r = static_cast<const Rows*>(arguments[l])->r;
    for (int m = 0; m < first.count; m++) {
      const auto row = [&](int i) { return static_cast<const Rows*>(arguments[m * 8 + i])->row; };
      if (first.transpose) f(r[m], row(l % 4 * 2) + l / 4 * 2, row(l % 4 * 2 + 1) + l / 4 * 2);
      else f(r[m], row(l / 4) + l % 4 * 4, row(l / 4) + l % 4 * 4 + 2);
    }
  }
}

void loadRegisters(void* const* arguments) {
  eachRegister(arguments, [](uint32_t& r, const char* low, const char* high) {
    uint16_t a, b;
    std::memcpy(&a, low, 2);
    std::memcpy(&b, high, 2);
    r = a | uint32_t{b} << 16;
  });
}
void storeRegisters(void* const* arguments) {
  eachRegister(arguments, [](uint32_t r, char* low, char* high) {
    const auto a = static_cast<uint16_t>(r), b = static_cast<uint16_t>(r >> 16);
    std::memcpy(low, &a, 2);
    std::memcpy(high, &b, 2);
  });
}

void checkRow(const void* row, int count, const char* operation, Place place) {
  if (lane() >= 8 * count) return;  // what these lanes point at is not looked at
  requireAligned(row, 16, operation, place);
  sharedAddress(row, 16, place);
}

}  // namespace

uint16_t f16Bits(float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value), magnitude = bits & 0x7fffffffu;
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000u);
  if (magnitude > 0x7f800000u) return 0x7fff;
  if (magnitude >= 0x477ff000u) return sign | 0x7c00;  // 65520 and above round to infinity
  if (magnitude < 0x38800000u) {  // denormal: an addition rounds it to multiples of 2^-24
    const float rounded = __builtin_bit_cast(float, magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (__builtin_bit_cast(uint32_t, rounded) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

void mma(MatrixType type, void* d, const uint32_t* a, const uint32_t* b, Place place) {
  Fragments f{type, d, a, b};
  meet(
      kWholeWarp, &f,
      [](void* const* arguments) {
        switch (static_cast<const Fragments*>(arguments[0])->type) {
          case MatrixType::bf16:
            return multiply<float, 16, 2>(
                arguments, [](uint32_t r, int e) { return bf16Value(static_cast<uint16_t>(r >> (16 * e))); });
          case MatrixType::f16:
            return multiply<float, 16, 2>(
                arguments, [](uint32_t r, int e) { return f16Value(static_cast<uint16_t>(r >> (16 * e))); });
          case MatrixType::tf32:
            return multiply<float, 8, 1>(arguments, [](uint32_t r, int) { return tf32Value(r); });
          case MatrixType::s8:
            return multiply<int32_t, 32, 4>(
                arguments, [](uint32_t r, int e) { return int32_t{static_cast<int8_t>(r >> (8 * e))}; });
        }
      },
      "mma", place);
}

void loadMatrix(uint32_t* r, int count, bool transpose, const void* row, Place place) {
  checkRow(row, count, "ldmatrix", place);
  Rows rows{r, static_cast<char*>(const_cast<void*>(row)), count, transpose};
  meet(kWholeWarp, &rows, &loadRegisters, "ldmatrix", place);
}

void storeMatrix(void* row, int count, bool transpose, const uint32_t* r, Place place) {
  checkRow(row, count, "stmatrix", place);
  Rows rows{const_cast<uint32_t*>(r), static_cast<char*>(row), count, transpose};
  meet(kWholeWarp, &rows, &storeRegisters, "stmatrix", place);
}

}  // namespace wg::emu
