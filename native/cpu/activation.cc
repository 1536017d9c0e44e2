// Activations, from the bodies in native/ops/activation.h.
#include "../ops/rows/activation.h"

#include "unary.h"

WG_PROTOTYPES(WG_ACTIVATION_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

template <class Act, class T>
void gateBody(void* out, const void* a, const void* b, const void*, int64_t n) {
  using V = Vec<T>;
  T* o = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T* gate = static_cast<const T*>(b);
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) {
    store(o + i, simd::load<V>(x + i) * Act::value(simd::load<V>(gate + i)));
  }
  if (i < n) {
    storePart(o + i, simd::loadPart<V>(x + i, n - i) * Act::value(simd::loadPart<V>(gate + i, n - i)), n - i);
  }
}

template <class Act, class V>
V gateSlope(V x, V gate, V dy) {
  // Sigmoid's gradient takes its output.
  if constexpr (Act::kSaves == Saves::output) return Act::grad(Act::value(gate), x * dy);
  else return Act::grad(gate, x * dy);
}

template <class Act, class T>
void gateGradBody(void* out, const void* a, const void* b, const void* c, int64_t n) {
  using V = Vec<T>;
  T* o = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T* gate = static_cast<const T*>(b);
  const T* dy = static_cast<const T*>(c);
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes)
    store(o + i, gateSlope<Act>(simd::load<V>(x + i), simd::load<V>(gate + i), simd::load<V>(dy + i)));
  if (i < n) {
    const int64_t rest = n - i;
    storePart(o + i,
              gateSlope<Act>(simd::loadPart<V>(x + i, rest), simd::loadPart<V>(gate + i, rest),
                             simd::loadPart<V>(dy + i, rest)),
              rest);
  }
}

template <class Act>
void runGate(Stream& s, const char* name, const View& out, const View& a, const View& gate) {
  const DType dtype = computeOf(out.dtype);
  Body body = nullptr;
  withFloat(s, dtype, name, [&body]<class T>() { body = gateBody<Act, T>; });
  const Source inputs[] = {sourceOf(a, dtype), sourceOf(gate, dtype)};
  if (body != nullptr) runElementwise(s, out, inputs, 2, body, dtype);
}

template <class Act>
void runGateGrad(Stream& s, const char* name, const View& out, const View& a, const View& gate,
                 const View& dy) {
  const DType dtype = computeOf(out.dtype);
  Body body = nullptr;
  withFloat(s, dtype, name, [&body]<class T>() { body = gateGradBody<Act, T>; });
  const Source inputs[] = {sourceOf(a, dtype), sourceOf(gate, dtype), sourceOf(dy, dtype)};
  if (body != nullptr) runElementwise(s, out, inputs, 3, body, dtype);
}

}  // namespace

WG_ACTIVATIONS(WG_UNARY_KERNELS, )
WG_ACTIVATIONS_WITH(WG_UNARY_WITH_KERNELS, )

#define WG_GATE_KERNELS(X, Struct, name)                                                    \
  void name(Stream& s, const Out& out, const In& a, const In& gate) {                       \
    runGate<op::Struct>(s, #name, out, a, gate);                                            \
  }                                                                                         \
  void name##Grad(Stream& s, const Out& dgate, const In& a, const In& gate, const In& dy) { \
    runGateGrad<op::Struct>(s, #name "Grad", dgate, a, gate, dy);                           \
  }
WG_GATES(WG_GATE_KERNELS, )
#undef WG_GATE_KERNELS

}  // namespace WG_ISA
}  // namespace wg::cpu
