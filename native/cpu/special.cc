// Special functions, from the bodies in native/ops/special_unary.h.
#include "../ops/rows/special.h"

#include "unary.h"

WG_PROTOTYPES(WG_SPECIAL_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {

WG_SPECIAL(WG_UNARY_KERNELS, )
WG_UNARY_WITH_KERNELS(, Polygamma, polygamma)
WG_UNARY_WITH_KERNELS(, Logit, logit)

}  // namespace WG_ISA
}  // namespace wg::cpu
