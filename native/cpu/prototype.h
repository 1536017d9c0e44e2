// From a row to the prototype of its kernel: WG_PROTOTYPES(WG_CONV_ROWS) declares the kernels of one family.
#pragma once
#include "../core/stream.h"
#include "../core/view.h"

#ifndef WG_ISA
#define WG_ISA generic
#endif

namespace wg::cpu {
inline namespace WG_ISA {

template <class Signature>
struct Prototype;
template <class... A>
struct Prototype<void(A...)> {
  using Type = void(Stream&, const A&...);
};

}  // namespace WG_ISA
}  // namespace wg::cpu

#define WG_PROTOTYPE(name, args, names) typename Prototype<void args>::Type name;
#define WG_PROTOTYPES(ROWS) \
  namespace wg::cpu {       \
  inline namespace WG_ISA { \
  ROWS(WG_PROTOTYPE)        \
  }                         \
  }
