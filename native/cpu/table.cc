// The kernel table of one ISA, made from the op table; the only thing of this ISA the rest of the program
// refers to.
#include "../core/thunk.h"
#include "kernels.h"
#include "workspace.h"

namespace wg::cpu {
inline namespace WG_ISA {

template <class Signature>
struct Query;
template <class... A>
struct Query<void(A...)> {
  using Type = size_t(const A&...);
};

template <Op op>
struct SignatureOf;
#define WG_SIGNATURE(name, args, names) \
  template <>                           \
  struct SignatureOf<Op::name> {        \
    using Type = void args;             \
  };
WG_OPS(WG_SIGNATURE)
#undef WG_SIGNATURE
#define WG_QUERY_PROTOTYPE(name) typename Query<SignatureOf<Op::name>::Type>::Type name##Workspace;
WG_WORKSPACE_OPS(WG_QUERY_PROTOTYPE)
#undef WG_QUERY_PROTOTYPE

namespace {

template <class... Done>
struct AskWith {
  template <class... All>
  static size_t call(size_t (*query)(const All&...), const Pack<>&, const Done&... done) {
    return query(done...);
  }
  template <class H, class... T, class Kernel>
  static size_t call(Kernel* query, const Pack<H, T...>& rest, const Done&... done) {
    return AskWith<Done..., H>::call(query, rest.tail, done..., rest.head);
  }
};

template <class Signature, typename Query<Signature>::Type* query>
size_t ask(const void* arguments) {
  return AskWith<>::call(query, *static_cast<const typename OpTraits<Signature>::Arguments*>(arguments));
}

template <Op op>
constexpr size_t (*kWorkspace)(const void*) = nullptr;
#define WG_QUERY(name) \
  template <>          \
  constexpr size_t (*kWorkspace<Op::name>)(const void*) = ask<SignatureOf<Op::name>::Type, name##Workspace>;
WG_WORKSPACE_OPS(WG_QUERY)
#undef WG_QUERY

constexpr KernelRow kTable[] = {
#define WG_ROW(name, args, names) {thunk<void args, cpu::name>, kWorkspace<Op::name>},
    WG_OPS(WG_ROW)
#undef WG_ROW
};

}  // namespace

/// One row per op, in the order of enum Op.
const KernelRow* table() { return kTable; }

}  // namespace WG_ISA
}  // namespace wg::cpu
