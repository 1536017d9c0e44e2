// Which functions are measured, the bound of each in units in the last place, and the exponent below which a
// unit stays what it is: products of a denormal keep the denormal's absolute error.
#pragma once
#include <cstdint>

#define WG_ULP_FUNCTIONS(F)      \
  F(Exp, exp, 1.0, -126)         \
  F(Log, log, 2.0, -126)         \
  F(Tanh, tanh, 2.0, -126)       \
  F(Sigmoid, sigmoid, 2.0, -126) \
  F(Erf, erf, 2.0, -126)         \
  F(Gelu, gelu, 6.5, -120)       \
  F(Silu, silu, 3.0, -119)       \
  F(Sin, sin, 2.0, -126)         \
  F(Cos, cos, 2.0, -126)
