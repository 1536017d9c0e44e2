// tanh of float32 registers. Where a register can be looked up in by lanes, sixteen polynomials take the
// place of an exponential and a division; elsewhere it is the common body.
#pragma once
#include "../../ops/unary.h"
#include "vec.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace simd {

template <class V>
WG_SIMD V tanhOf(V x) {
  return math::tanh(x);
}

#if defined(__AVX512F__)
/// Between powers of two there are two pieces, from 1.25 and 1.75 times it: entry (bits(|x|) + 2^21) >> 22
/// modulo 16 is that of |x| in [0.0547, 10). A piece's centre, tanh there (chosen to lie within 2^-33 of a
/// float32), and the coefficients of the six powers of the distance from it, fitted at Chebyshev's points.
alignas(64) inline constexpr float kTanhPieces[8][16] = {
    {2.1182876f, 2.99174f, 4.23676f, 5.9813466f, 8.323f, 0, 0.06619672f, 0.09345073f, 0.13237672f,
     0.18701833f, 0.2649978f, 0.37385082f, 0.5293788f, 0.74766666f, 1.0591176f, 1.49546f},
    {0.971498f, 0.9949726f, 0.99958223f, 0.99998724f, 0.9999999f, 0, 0.066100195f, 0.09317964f, 0.13160886f,
     0.18486804f, 0.25896418f, 0.3573554f, 0.48490608f, 0.63375485f, 0.7853259f, 0.9043245f},
    {0.056191582f, 0.010029594f, 8.354219e-04f, 2.5521345e-05f, 2.3656449e-07f, 1.0f, 0.99563074f, 0.9913176f,
     0.9826791f, 0.9658238f, 0.93293756f, 0.8722971f, 0.7648661f, 0.5983548f, 0.38326326f, 0.18219721f},
    {-0.054590065f, -0.009979084f, -8.3497877e-04f, -2.5505853e-05f, -2.3575211e-07f, -5.130658e-11f,
     -0.06581139f, -0.092370614f, -0.12932928f, -0.17854995f, -0.24159741f, -0.31172007f, -0.3708882f,
     -0.37921023f, -0.30098656f, -0.1647655f},
    {0.034307342f, 0.0065827114f, 5.5432937e-04f, 1.6814021e-05f, 1.5102856e-07f, -0.33333328f, -0.32752678f,
     -0.32183212f, -0.31053883f, -0.28893307f, -0.24841408f, -0.17937097f, -0.0751107f, 0.040871777f,
     0.108618334f, 0.08827766f},
    {-0.01513038f, -0.0032269494f, -2.7765942e-04f, -8.493631e-06f, -7.810655e-08f, -6.8646323e-06f,
     0.04358672f, 0.060778428f, 0.08397947f, 0.112931214f, 0.14486283f, 0.16800529f, 0.16004728f,
     0.100495525f, 0.015032027f, -0.024897419f},
    {0.0044409814f, 0.0012705515f, 1.1959868e-04f, 3.910956e-06f, 4.0479012e-08f, 0.13368504f, 0.12840925f,
     0.12362608f, 0.114264145f, 0.09685299f, 0.065985695f, 0.019211175f, -0.035182465f, -0.06351167f,
     -0.039507627f, -0.003226402f},
    {-5.0803606e-04f, -3.7802162e-04f, -3.7957692e-05f, -1.2210676e-06f, -1.2151583e-08f, -0.0073589454f,
     -0.024540907f, -0.033911787f, -0.04599808f, -0.059569035f, -0.07069624f, -0.06954476f, -0.04394538f,
     -0.0012908481f, 0.019037953f, 0.0072051077f},
};

/// Within 1.4 ULP.
template <>
WG_SIMD Vec<float> tanhOf(Vec<float> x) {
  using V = Vec<float>;
  // Up to 0.0547 one polynomial serves; at 9.5 tanh is 1. NaN, the second operand, passes.
  const V a = minNum(V(9.5f), abs(x)), least = maxNum(a, V(0.05f));
  const __m512i piece = (__m512i)((bitsOf(least) + Vec<uint32_t>(1u << 21)) >> 22).raw;
  const auto entry = [piece](int k) {
    return V((V::Raw)_mm512_maskz_permutexvar_ps(kAll16, piece, _mm512_load_ps(kTanhPieces[k])));
  };
  const V d = a - entry(0);
  V y = entry(7);
#pragma GCC unroll 6
  for (int k = 6; k > 0; k--) y = y * d + entry(k);
  return math::copySign(y, x);
}
#endif

/// Op's value, by the quickest way this instruction set has.
template <class Op, class V>
WG_SIMD V valueOf(V x) {
  if constexpr (__is_same(Op, op::Tanh)) return tanhOf(x);
  else return Op::value(x);
}

}  // namespace simd
}  // namespace WG_ISA
}  // namespace wg::cpu
