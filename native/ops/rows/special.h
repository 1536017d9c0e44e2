// Rows: special functions.
#pragma once
#include "../special_unary.h"
#include "unary.h"

#define WG_SPECIAL_ROWS(X)                   \
  WG_SPECIAL(WG_UNARY_ROW, X)                \
  WG_UNARY_WITH_ROW(X, Polygamma, polygamma) \
  WG_UNARY_WITH_ROW(X, Logit, logit)
