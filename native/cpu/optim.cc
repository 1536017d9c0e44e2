// Optimizer steps over all parameters at once: one pass reads and writes each value once. The rules are those
// of ops/optim.h.
#include "../ops/rows/optim.h"

#include "optim_step.h"

WG_PROTOTYPES(WG_OPTIM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

template <class Rule>
void step(Stream& s, const InOutList& params, const InList& grads, const Slots<Rule::kSlots>& slots,
          const View& state, const View& hyper, const MaybeIn& skip, int32_t flags) {
  if (!isVector(s, state, Rule::kStates) || !isVector(s, hyper, Rule::kHypers) ||
      !stepAgrees(s, params, grads, slots) || skips(s, skip))
    return;
  uint32_t present = 0;
  for (int k = 0; k < Rule::kSlots; k++) present |= slots.list[k]->count > 0 ? 1u << k : 0u;
  Step<Rule>::all(s, params, grads, slots, Rule::make(numbersOf(hyper), cellsOf(state), flags, present));
}

}  // namespace

void sgdStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& momentum,
             const InOut& state, const In& hyper, const MaybeIn& skip, const int32_t& flags) {
  step<optim::Sgd>(s, params, grads, {{&momentum}}, state, hyper, skip, flags);
}
void adamStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m, const InOutList& v,
              const InOutList& largest, const InOut& state, const In& hyper, const MaybeIn& skip,
              const int32_t& flags) {
  step<optim::Adam>(s, params, grads, {{&m, &v, &largest}}, state, hyper, skip, flags);
}
void adamaxStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m,
                const InOutList& largest, const InOut& state, const In& hyper, const MaybeIn& skip,
                const int32_t& flags) {
  step<optim::Adamax>(s, params, grads, {{&m, &largest}}, state, hyper, skip, flags);
}
void nadamStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m,
               const InOutList& v, const InOut& state, const In& hyper, const MaybeIn& skip,
               const int32_t& flags) {
  step<optim::Nadam>(s, params, grads, {{&m, &v}}, state, hyper, skip, flags);
}
void radamStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m,
               const InOutList& v, const InOut& state, const In& hyper, const MaybeIn& skip,
               const int32_t& flags) {
  step<optim::Radam>(s, params, grads, {{&m, &v}}, state, hyper, skip, flags);
}
void rmspropStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& square,
                 const InOutList& mean, const InOutList& momentum, const InOut& state, const In& hyper,
                 const MaybeIn& skip, const int32_t& flags) {
  step<optim::RmsProp>(s, params, grads, {{&square, &mean, &momentum}}, state, hyper, skip, flags);
}
void adagradStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& sum,
                 const InOut& state, const In& hyper, const MaybeIn& skip, const int32_t& flags) {
  step<optim::Adagrad>(s, params, grads, {{&sum}}, state, hyper, skip, flags);
}
void adadeltaStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& square,
                  const InOutList& delta, const InOut& state, const In& hyper, const MaybeIn& skip,
                  const int32_t& flags) {
  step<optim::Adadelta>(s, params, grads, {{&square, &delta}}, state, hyper, skip, flags);
}
void lionStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m, const InOut& state,
              const In& hyper, const MaybeIn& skip, const int32_t& flags) {
  step<optim::Lion>(s, params, grads, {{&m}}, state, hyper, skip, flags);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
