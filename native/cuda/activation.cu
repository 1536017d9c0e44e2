// Activations, from the bodies in native/ops/activation.h.
#include "../ops/rows/activation.h"

#include "bodies.h"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_ACTIVATION_ROWS)

namespace wg::cuda {
namespace {

template <class Act, class T>
struct Gate {
  WG_DEV T operator()(T x, T gate) const { return x * Act::value(gate); }
};
template <class Act, class T>
struct GateSlope {
  WG_DEV T operator()(T x, T gate, T dy) const {
    // Sigmoid's gradient takes its output.
    if constexpr (Act::kSaves == Saves::output) return Act::grad(Act::value(gate), x * dy);
    else return Act::grad(gate, x * dy);
  }
};

template <class Act>
void runGate(Stream& s, const char* name, const View& out, const View& a, const View& gate) {
  const DType dtype = computeOf(out.dtype);
  withFloat(s, dtype, name, [&]<class T>() {
    const Source inputs[] = {sourceOf(a, dtype), sourceOf(gate, dtype)};
    runElementwise(s, Gate<Act, T>{}, out, dtype, inputs);
  });
}

template <class Act>
void runGateGrad(Stream& s, const char* name, const View& out, const View& a, const View& gate,
                 const View& dy) {
  const DType dtype = computeOf(out.dtype);
  withFloat(s, dtype, name, [&]<class T>() {
    const Source inputs[] = {sourceOf(a, dtype), sourceOf(gate, dtype), sourceOf(dy, dtype)};
    runElementwise(s, GateSlope<Act, T>{}, out, dtype, inputs);
  });
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

}  // namespace wg::cuda
