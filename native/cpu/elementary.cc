// Exponentials, logarithms, trigonometric and hyperbolic functions, from the bodies in
// native/ops/elementary.h.
#include "../ops/rows/elementary.h"

#include "unary.h"

WG_PROTOTYPES(WG_ELEMENTARY_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {

WG_ELEMENTARY(WG_UNARY_KERNELS, )

}  // namespace WG_ISA
}  // namespace wg::cpu
