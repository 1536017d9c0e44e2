#include "table.h"

#include "../ops/checks.h"
#include "kernels.h"
#include "workspace.h"

namespace wg::cuda {
namespace {

const char* const kNames[] = {
#define WG_NAME(name, args, names) #name,
    WG_OPS(WG_NAME)
#undef WG_NAME
};

template <Op op>
void unsupported(Stream& s, const void*) {
  fail(s, Code::unsupported, "%s: has no CUDA kernel; move its inputs to 'cpu'",
       opName(static_cast<int32_t>(op)));
}

template <Op op>
constexpr void (*kRun)(Stream&, const void*) = unsupported<op>;
#define WG_RUN(name, args, names) \
  template <>                     \
  constexpr void (*kRun<Op::name>)(Stream&, const void*) = thunk<void args, cuda::name>;
WG_CUDA_OPS(WG_RUN)
#undef WG_RUN

template <Op op>
struct SignatureOf;
#define WG_SIGNATURE(name, args, names) \
  template <>                           \
  struct SignatureOf<Op::name> {        \
    using Type = void args;             \
  };
WG_OPS(WG_SIGNATURE)
#undef WG_SIGNATURE

template <class Signature>
struct Query;
template <class... A>
struct Query<void(A...)> {
  using Type = size_t(const A&...);
};

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

}  // namespace

#define WG_QUERY_PROTOTYPE(name) typename Query<SignatureOf<Op::name>::Type>::Type name##Workspace;
WG_CUDA_WORKSPACE_OPS(WG_QUERY_PROTOTYPE)
#undef WG_QUERY_PROTOTYPE

namespace {

template <Op op>
constexpr size_t (*kWorkspace)(const void*) = nullptr;
#define WG_QUERY(name) \
  template <>          \
  constexpr size_t (*kWorkspace<Op::name>)(const void*) = ask<SignatureOf<Op::name>::Type, name##Workspace>;
WG_CUDA_WORKSPACE_OPS(WG_QUERY)
#undef WG_QUERY
#define WG_RULE_QUERY(name) \
  template <>               \
  constexpr size_t (*kWorkspace<Op::name>)(const void*) = [](const void*) { return kRuleBytes; };
WG_CUDA_RULE_OPS(WG_RULE_QUERY)
#undef WG_RULE_QUERY

template <Op op>
constexpr bool kHalves = false;
#define WG_HALVES(name) \
  template <>           \
  constexpr bool kHalves<Op::name> = true;
WG_CUDA_HALF_OPS(WG_HALVES)
#undef WG_HALVES

constexpr KernelRow kTable[] = {
#define WG_ROW(name, args, names) {kRun<Op::name>, kWorkspace<Op::name>, kHalves<Op::name>},
    WG_OPS(WG_ROW)
#undef WG_ROW
};

}  // namespace

const KernelRow* table() { return kTable; }

const char* opName(int32_t op) {
  return op >= 0 && op < static_cast<int32_t>(Op::count) ? kNames[op] : "a copy";
}

bool guardsItself(int32_t op) {
  switch (static_cast<Op>(op)) {
#define WG_GUARDED(name, args, names) case Op::name:
    WG_OPTIM_ROWS(WG_GUARDED)
#undef WG_GUARDED
    return true;
    default:
      return false;
  }
}

}  // namespace wg::cuda
