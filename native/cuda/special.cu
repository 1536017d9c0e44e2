// Special functions, from the bodies in native/ops/special_unary.h.
#include "../ops/rows/special.h"

#include "bodies.h"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_SPECIAL_ROWS)

namespace wg::cuda {

#define WG_IS_LONG(X, Struct, name) \
  template <>                       \
  inline constexpr bool kIsLong<op::Struct> = true;
WG_SPECIAL(WG_IS_LONG, )
WG_IS_LONG(, Polygamma, polygamma)
#undef WG_IS_LONG

WG_SPECIAL(WG_UNARY_KERNELS, )
WG_UNARY_WITH_KERNELS(, Polygamma, polygamma)
WG_UNARY_WITH_KERNELS(, Logit, logit)

}  // namespace wg::cuda
