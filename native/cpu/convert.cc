#include "convert.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

template <class To, class From>
void castBody(void* out, const void* a, const void*, const void*, int64_t n) {
  To* o = static_cast<To*>(out);
  const From* x = static_cast<const From*>(a);
  for (int64_t i = 0; i < n; i++) o[i] = castElement<To>(x[i]);
}
template <class From>
void truthBody(void* out, const void* a, const void*, const void*, int64_t n) {
  uint8_t* o = static_cast<uint8_t*>(out);
  const From* x = static_cast<const From*>(a);
  for (int64_t i = 0; i < n; i++) o[i] = x[i] != From(0);
}

void oddBody(void* out, const void* a, const void*, const void*, int64_t n) {
  uint32_t* o = static_cast<uint32_t*>(out);
  const double* x = static_cast<const double*>(a);
  for (int64_t i = 0; i < n; i++) o[i] = roundedToOdd(x[i]);
}

void loadHalf(void* out, const void* a, const void*, const void*, int64_t n) {
  uint32_t* o = static_cast<uint32_t*>(out);
  const uint16_t* x = static_cast<const uint16_t*>(a);
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8) {
    const __m256 v = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i)));
    _mm256_storeu_ps(reinterpret_cast<float*>(o + i), v);
  }
#endif
  for (; i < n; i++) o[i] = widenHalf(x[i]);
}
void storeHalf(void* out, const void* a, const void*, const void*, int64_t n) {
  uint16_t* o = static_cast<uint16_t*>(out);
  const uint32_t* x = static_cast<const uint32_t*>(a);
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8) {
    const __m256 v = _mm256_loadu_ps(reinterpret_cast<const float*>(x + i));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(o + i), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
#endif
  for (; i < n; i++) o[i] = narrowHalf(x[i]);
}

void loadBrain(void* out, const void* a, const void*, const void*, int64_t n) {
  uint32_t* o = static_cast<uint32_t*>(out);
  const uint16_t* x = static_cast<const uint16_t*>(a);
  for (int64_t i = 0; i < n; i++) o[i] = widenBrain(x[i]);
}
void storeBrain(void* out, const void* a, const void*, const void*, int64_t n) {
  uint16_t* o = static_cast<uint16_t*>(out);
  const uint32_t* x = static_cast<const uint32_t*>(a);
  for (int64_t i = 0; i < n; i++) o[i] = narrowBrain(x[i]);
}

/// From one compute type to another, or to what is stored of it.
template <class From>
Body castFrom(DType to) {
  switch (to) {
    case DType::f32:
      return castBody<float, From>;
    case DType::f64:
      return castBody<double, From>;
    case DType::i32:
      return castBody<int32_t, From>;
    case DType::i64:
      return castBody<int64_t, From>;
    case DType::u8:
      return castBody<uint8_t, From>;
    case DType::boolean:
      return truthBody<From>;
    case DType::i8:
      return castBody<int8_t, From>;
    case DType::i16:
      return castBody<int16_t, From>;
    case DType::f16:
    case DType::bf16:
    case DType::count:
      break;
  }
  return nullptr;
}
Body castStep(DType from, DType to) {
  switch (from) {
    case DType::f32:
      return castFrom<float>(to);
    case DType::f64:
      return castFrom<double>(to);
    case DType::i32:
      return castFrom<int32_t>(to);
    case DType::i64:
      return castFrom<int64_t>(to);
    case DType::u8:
    case DType::boolean:
      return castFrom<uint8_t>(to);
    case DType::i8:
      return castBody<int32_t, int8_t>;
    case DType::i16:
      return castBody<int32_t, int16_t>;
    case DType::f16:
      return loadHalf;
    case DType::bf16:
      return loadBrain;
    case DType::count:
      break;
  }
  return nullptr;
}

bool isByte(DType t) { return t == DType::u8 || t == DType::i8 || t == DType::boolean; }
bool isHalf(DType t) { return t == DType::f16 || t == DType::bf16; }

}  // namespace

Conversion conversionOf(DType from, DType to) {
  Conversion c;
  c.count = 0;
  c.first = to;
  if (from == to || (isByte(from) && isByte(to) && to != DType::boolean)) return c;
  DType now = from;
  const auto step = [&](Body body, DType next) {
    if (c.count == 0) c.first = next;
    c.step[c.count++] = body;
    now = next;
  };
  if (computeOf(now) != now) step(castStep(now, computeOf(now)), computeOf(now));
  if (isHalf(to)) {
    if (from == DType::i32 || from == DType::i64) step(castStep(now, DType::f64), DType::f64);
    if (now == DType::f64) step(oddBody, DType::f32);
    if (now != DType::f32) step(castStep(now, DType::f32), DType::f32);
    step(to == DType::f16 ? storeHalf : storeBrain, to);
  } else if (now != to) {
    step(castStep(now, to), to);
  }
  return c;
}

void convert(const Conversion& c, void* to, const void* from, int64_t n) {
  if (c.count == 1) return c.step[0](to, from, nullptr, nullptr, n);
  alignas(64) char first[kConvertBlock * 8], second[kConvertBlock * 8];
  c.step[0](first, from, nullptr, nullptr, n);
  if (c.count == 2) return c.step[1](to, first, nullptr, nullptr, n);
  c.step[1](second, first, nullptr, nullptr, n);
  c.step[2](to, second, nullptr, nullptr, n);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
