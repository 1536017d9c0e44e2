// How a struct of parameters names its members, so that they can be read from the command buffer and declared
// in TypeScript.
#pragma once
#include <cstdint>

namespace wg {

/// One reflected member of a parameter struct.
template <class S, class M>
struct Field {
  const char* name;
  M S::*member;
};
template <class S, class M>
Field(const char*, M S::*) -> Field<S, M>;

template <class... F>
struct Fields;
template <>
struct Fields<> {};
template <class F, class... R>
struct Fields<F, R...> {
  F head;
  Fields<R...> tail;
};
template <class F, class... R>
constexpr Fields<F, R...> fields(F head, R... tail) {
  if constexpr (sizeof...(R) == 0) return {head, {}};
  else return {head, fields(tail...)};
}

}  // namespace wg
