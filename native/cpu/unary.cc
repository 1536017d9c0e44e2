// Unary kernels and their gradients, from the bodies in native/ops/unary.h.
#include "unary.h"

#include "../ops/rows/elementwise.h"

WG_PROTOTYPES(WG_ELEMENTWISE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {

WG_UNARY(WG_UNARY_KERNELS, )

}  // namespace WG_ISA
}  // namespace wg::cpu
