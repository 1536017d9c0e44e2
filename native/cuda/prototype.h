// From rows to the prototypes of their kernels: WG_CUDA_PROTOTYPES(WG_CONV_ROWS) declares one family.
#pragma once
#include "../core/stream.h"
#include "../core/view.h"

namespace wg::cuda {

template <class Signature>
struct Prototype;
template <class... A>
struct Prototype<void(A...)> {
  using Type = void(Stream&, const A&...);
};

}  // namespace wg::cuda

#define WG_CUDA_PROTOTYPE(name, args, names) typename Prototype<void args>::Type name;
#define WG_CUDA_PROTOTYPES(ROWS) \
  namespace wg::cuda {           \
  ROWS(WG_CUDA_PROTOTYPE)        \
  }
