// Rows: elementwise ops of two and three operands beyond those in elementwise.h, from the families beside
// their bodies.
#pragma once
#include "../bitwise.h"
#include "../division.h"
#include "../planar.h"
#include "../ternary.h"

// clang-format off
#define WG_TWO_ROW(X, Struct, name) X(name, (Out, Operand, Operand), "out a b")
#define WG_THREE_ROW(X, Struct, name) X(name, (Out, Operand, Operand, Operand), "out a b c")
#define WG_THREE_SCALED_ROW(X, Struct, name) X(name, (Out, Operand, Operand, Operand, double), "out a b c scale")
#define WG_ARITHMETIC_ROWS(X) \
  WG_DIVISION(WG_TWO_ROW, X) \
  WG_PLANAR(WG_TWO_ROW, X) \
  WG_BITWISE(WG_TWO_ROW, X) \
  X(heaviside, (Out, Operand, Operand), "out x atZero") \
  WG_TERNARY(WG_THREE_ROW, X) \
  WG_TERNARY_SCALED(WG_THREE_SCALED_ROW, X)
// clang-format on
