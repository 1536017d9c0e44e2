// From an op's row to something callable: the decoded-argument pack both sides agree on, and the thunk that
// unpacks it. Included by backend libraries, ISA-specific files among them, hence the inline namespace and no
// std containers.
#pragma once
#include "../ops.h"

#ifndef WG_ISA
#define WG_ISA generic
#endif

namespace wg {

/// The decoded arguments of one op, laid out in order. A plain recursive aggregate: std::tuple would emit
/// inline functions.
template <class... A>
struct Pack;
template <>
struct Pack<> {};
template <class H, class... T>
struct Pack<H, T...> {
  H head;
  [[no_unique_address]] Pack<T...> tail;
};

template <class Signature>
struct OpTraits;
template <class... A>
struct OpTraits<void(A...)> {
  using Arguments = Pack<A...>;
  using Kernel = void(Stream&, const A&...);
  static constexpr int kCount = sizeof...(A);
};

/// One entry of a backend's kernel table. `workspace` is null for ops that need no scratch memory.
struct KernelRow {
  void (*run)(Stream&, const void* arguments);
  size_t (*workspace)(const void* arguments);
  bool halves = false;  ///< takes float16 and bfloat16 as they are
};

inline namespace WG_ISA {

template <class... Done>
struct Unpack {
  template <class... All>
  static void call(void (*kernel)(Stream&, const All&...), Stream& s, const Pack<>&, const Done&... done) {
    kernel(s, done...);
  }
  template <class H, class... T, class Kernel>
  static void call(Kernel* kernel, Stream& s, const Pack<H, T...>& rest, const Done&... done) {
    Unpack<Done..., H>::call(kernel, s, rest.tail, done..., rest.head);
  }
};

template <class Signature, typename OpTraits<Signature>::Kernel* kernel>
void thunk(Stream& s, const void* arguments) {
  Unpack<>::call(kernel, s, *static_cast<const typename OpTraits<Signature>::Arguments*>(arguments));
}

}  // namespace WG_ISA
}  // namespace wg
