// Rows: elementwise ops, from the families listed beside their bodies in unary.h and binary.h.
#pragma once
#include "../binary.h"
#include "../unary.h"
#include "unary.h"

#define WG_BINARY_ROW(X, Struct, name) X(name, (Out, Operand, Operand), "out a b")
#define WG_ELEMENTWISE_ROWS(X) \
  WG_UNARY(WG_UNARY_ROW, X)    \
  WG_BINARY(WG_BINARY_ROW, X)  \
  WG_COMPARE(WG_BINARY_ROW, X) \
  X(where, (Out, In, Operand, Operand), "out condition a b")
