// Rows: exponentials, logarithms, trigonometric and hyperbolic functions; rounding; predicates.
#pragma once
#include "../elementary.h"
#include "../rounding.h"
#include "unary.h"

#define WG_ELEMENTARY_ROWS(X)    \
  WG_ELEMENTARY(WG_UNARY_ROW, X) \
  WG_ROUNDING(WG_VALUE_ROW, X)   \
  WG_PREDICATES(WG_VALUE_ROW, X) \
  X(nanToNum, (Out, In, double, double, double), "out x nan posinf neginf")
