// Prototypes of every CPU kernel, made from the op table.
#pragma once
#include "../ops.h"

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

#define WG_PROTOTYPE(name, args, names) typename Prototype<void args>::Type name;
WG_OPS(WG_PROTOTYPE)
#undef WG_PROTOTYPE

}  // namespace WG_ISA
}  // namespace wg::cpu
