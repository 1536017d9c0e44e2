// Optimizer steps over all parameters at once; the rules are those of ops/optim.h.
#include "../ops/rows/optim.h"

#include "optim_step.h"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_OPTIM_ROWS)

namespace wg::cuda {
namespace {

template <class Rule>
struct Applied {
  static constexpr uint32_t kWrites = ~2u;  // all but the gradients
  static constexpr int kSums = 0;
  const Prepared<Rule>* prepared;
  WG_DEV bool ready() const { return !prepared->skip; }
  template <class T>
  WG_DEV void operator()(T (&value)[2 + Rule::kSlots], double*) const {
    prepared->rule(value[0], value[1], value + 2);
  }
};

/// Gradients and slots have the parameters' shapes and dtypes; a list of slots may be empty.
template <int N>
bool stepAgrees(Stream& s, const InOutList& params, const InList& grads, const InOutList* const (&slots)[N]) {
  const char* const message = "optimizer step: gradients and slots do not match the parameters";
  if (!require(s, grads.count == params.count, message) ||
      !listsAgree(s, message, params.count, params.items, grads.items))
    return false;
  for (const InOutList* slot : slots) {
    if (slot->count == 0) continue;
    if (!require(s, slot->count == params.count, message) ||
        !listsAgree(s, message, params.count, params.items, slot->items))
      return false;
  }
  return true;
}

template <class Rule>
void step(Stream& s, const InOutList& params, const InList& grads,
          const InOutList* const (&slots)[Rule::kSlots], const View& state, const View& hyper,
          const MaybeIn& skip, int32_t flags) {
  if (!isVector(s, state, Rule::kStates) || !isVector(s, hyper, Rule::kHypers) ||
      !stepAgrees(s, params, grads, slots) || !isSkip(s, skip))
    return;
  const View* lists[2 + Rule::kSlots] = {params.items, grads.items};
  uint32_t present = 0;
  for (int k = 0; k < Rule::kSlots; k++) {
    if (slots[k]->count == 0) continue;
    lists[2 + k] = slots[k]->items;
    present |= 1u << k;
  }
  const Prepared<Rule>* prepared = prepare<Rule>(s, hyper, state, skipOf(skip), flags, present);
  if (!prepared) return;
  updateAll(s, lists, params.count, Applied<Rule>{prepared});
}

}  // namespace

void sgdStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& momentum,
             const InOut& state, const In& hyper, const MaybeIn& skip, const int32_t& flags) {
  step<optim::Sgd>(s, params, grads, {&momentum}, state, hyper, skip, flags);
}
void adamStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m, const InOutList& v,
              const InOutList& largest, const InOut& state, const In& hyper, const MaybeIn& skip,
              const int32_t& flags) {
  step<optim::Adam>(s, params, grads, {&m, &v, &largest}, state, hyper, skip, flags);
}
void adamaxStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m,
                const InOutList& largest, const InOut& state, const In& hyper, const MaybeIn& skip,
                const int32_t& flags) {
  step<optim::Adamax>(s, params, grads, {&m, &largest}, state, hyper, skip, flags);
}
void nadamStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m,
               const InOutList& v, const InOut& state, const In& hyper, const MaybeIn& skip,
               const int32_t& flags) {
  step<optim::Nadam>(s, params, grads, {&m, &v}, state, hyper, skip, flags);
}
void radamStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m,
               const InOutList& v, const InOut& state, const In& hyper, const MaybeIn& skip,
               const int32_t& flags) {
  step<optim::Radam>(s, params, grads, {&m, &v}, state, hyper, skip, flags);
}
void rmspropStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& square,
                 const InOutList& mean, const InOutList& momentum, const InOut& state, const In& hyper,
                 const MaybeIn& skip, const int32_t& flags) {
  step<optim::RmsProp>(s, params, grads, {&square, &mean, &momentum}, state, hyper, skip, flags);
}
void adagradStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& sum,
                 const InOut& state, const In& hyper, const MaybeIn& skip, const int32_t& flags) {
  step<optim::Adagrad>(s, params, grads, {&sum}, state, hyper, skip, flags);
}
void adadeltaStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& square,
                  const InOutList& delta, const InOut& state, const In& hyper, const MaybeIn& skip,
                  const int32_t& flags) {
  step<optim::Adadelta>(s, params, grads, {&square, &delta}, state, hyper, skip, flags);
}
void lionStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m, const InOut& state,
              const In& hyper, const MaybeIn& skip, const int32_t& flags) {
  step<optim::Lion>(s, params, grads, {&m}, state, hyper, skip, flags);
}

void emaStep(Stream& s, const InOutList& averages, const InList& params, const InOut& state, const In& hyper,
             const int32_t& flags) {
  if (!isVector(s, state, 1) || !isVector(s, hyper, 1)) return;
  if (!require(s, averages.count == params.count, "emaStep: lists differ in length") ||
      !listsAgree(s, "emaStep: an average differs from its parameter", params.count, averages.items,
                  params.items))
    return;
  const Prepared<optim::Ema>* prepared = prepare<optim::Ema>(s, hyper, state, nullptr, flags, 0);
  const View* const lists[2] = {averages.items, params.items};
  if (prepared) updateAll(s, lists, params.count, Applied<optim::Ema>{prepared});
}

}  // namespace wg::cuda
