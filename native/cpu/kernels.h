// Prototypes of every CPU kernel, made from the op table. Files of kernels declare their own family alone,
// with WG_PROTOTYPES of prototype.h.
#pragma once
#include "../ops.h"
#include "prototype.h"

WG_PROTOTYPES(WG_OPS)
