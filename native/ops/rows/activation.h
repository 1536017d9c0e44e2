// Rows: activations.
#pragma once
#include "../activation.h"
#include "unary.h"

#define WG_GATE_ROW(X, Struct, name) \
  X(name, (Out, In, In), "out a gate") X(name##Grad, (Out, In, In, In), "dgate a gate dy")
#define WG_ACTIVATION_ROWS(X)               \
  WG_ACTIVATIONS(WG_UNARY_ROW, X)           \
  WG_ACTIVATIONS_WITH(WG_UNARY_WITH_ROW, X) \
  WG_GATES(WG_GATE_ROW, X)
