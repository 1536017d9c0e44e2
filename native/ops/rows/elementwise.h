// Rows: elementwise ops, from the families listed beside their bodies in unary.h and binary.h. A unary op has
// two rows: name(out, x) and nameGrad(dx, saved, dy), where `saved` is the forward input or output, whichever
// the struct's kSaves says.
#pragma once
#include "../binary.h"
#include "../unary.h"

#define WG_UNARY_ROW(X, Struct, name) X(name, (Out, In), "out x") X(name##Grad, (Out, In, In), "dx saved dy")
#define WG_BINARY_ROW(X, Struct, name) X(name, (Out, Operand, Operand), "out a b")
#define WG_ELEMENTWISE_ROWS(X) \
  WG_UNARY(WG_UNARY_ROW, X)    \
  WG_BINARY(WG_BINARY_ROW, X)  \
  WG_COMPARE(WG_BINARY_ROW, X) \
  X(where, (Out, In, Operand, Operand), "out condition a b")
