// Unary element bodies: exponentials, logarithms, trigonometric and hyperbolic functions beyond unary.h.
#pragma once
#include "arc.h"
#include "unary.h"

/// F(X, struct below, kernel name); as WG_UNARY in unary.h.
#define WG_ELEMENTARY(F, X) \
  F(X, Exp2, exp2)          \
  F(X, Expm1, expm1)        \
  F(X, Log2, log2)          \
  F(X, Log10, log10)        \
  F(X, Log1p, log1p)        \
  F(X, Tan, tan)            \
  F(X, Asin, asin)          \
  F(X, Acos, acos)          \
  F(X, Atan, atan)          \
  F(X, Sinh, sinh)          \
  F(X, Cosh, cosh)          \
  F(X, Asinh, asinh)        \
  F(X, Acosh, acosh)        \
  F(X, Atanh, atanh)

namespace wg {
inline namespace WG_ISA {
namespace op {

/// A struct from a math function and its gradient in terms of v (what `saves` names), dy, one and V.
#define WG_ELEMENTARY_OP(Name, function, saves, gradient) \
  struct Name {                                           \
    static constexpr Saves kSaves = Saves::saves;         \
    static constexpr bool kIntegers = false;              \
    template <class V>                                    \
    WG_HD static V value(V x) {                           \
      return math::function(x);                           \
    }                                                     \
    template <class V>                                    \
    WG_HD static V grad(V v, V dy) {                      \
      using T [[maybe_unused]] = ElementOf<V>;            \
      const V one [[maybe_unused]] (T(1));                \
      return gradient;                                    \
    }                                                     \
  };
WG_ELEMENTARY_OP(Exp2, exp2, output, dy*(v* V(T(0.69314718055994531))))
WG_ELEMENTARY_OP(Expm1, expm1, output, dy*(v + one))
WG_ELEMENTARY_OP(Log2, log2, input, dy / (v * V(T(0.69314718055994531))))
WG_ELEMENTARY_OP(Log10, log10, input, dy / (v * V(T(2.3025850929940457))))
WG_ELEMENTARY_OP(Log1p, log1p, input, dy / (v + one))
WG_ELEMENTARY_OP(Tan, tan, output, dy*(v* v + one))
// (1 - x)(1 + x) and (x - 1)(x + 1) keep their digits where 1 - x² cancels.
WG_ELEMENTARY_OP(Asin, asin, input, dy / sqrt((one - v) * (one + v)))
WG_ELEMENTARY_OP(Acos, acos, input, -(dy / sqrt((one - v) * (one + v))))
WG_ELEMENTARY_OP(Atan, atan, input, dy / (v * v + one))
WG_ELEMENTARY_OP(Sinh, sinh, input, dy* math::cosh(v))
WG_ELEMENTARY_OP(Cosh, cosh, input, dy* math::sinh(v))
WG_ELEMENTARY_OP(Asinh, asinh, input, dy / sqrt(v * v + one))
WG_ELEMENTARY_OP(Acosh, acosh, input, dy / (sqrt(v - one) * sqrt(v + one)))
WG_ELEMENTARY_OP(Atanh, atanh, input, dy / ((one - v) * (one + v)))
#undef WG_ELEMENTARY_OP

}  // namespace op
}  // namespace WG_ISA
}  // namespace wg
