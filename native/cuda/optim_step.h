// An optimizer step on the device: one thread makes the step's rule from hyper-parameters and state, which it
// advances, then one pass over all parameters applies it. Nothing is written when something the step reads
// comes from an op that failed, so a step happens whole or not at all.
#pragma once
#include "../ops/optim.h"
#include "cells.h"
#include "optim_lists.h"
#include "workspace.h"

namespace wg::cuda {

/// What the first kernel leaves for the second, in the op's scratch; see kRuleBytes.
template <class Rule>
struct Prepared {
  Rule rule;
  bool skip;
};

/// Rule::make(numbers, state, flags, present) on the device. `present`: a bit a list of slots. `leaveOut`: a
/// bool that an earlier kernel wrote, or null.
template <class Rule>
WG_KERNEL(1)
prepareRule(Prepared<Rule>* to, optim::Numbers hyper, optim::Cells state, const uint8_t* leaveOut,
            int32_t flags, uint32_t present, const uint32_t* spoiled) {
  to->skip = (spoiled && *spoiled != 0) || (leaveOut && *leaveOut != 0);
  if (!to->skip) to->rule = Rule::make(hyper, state, flags, present);
}

inline bool isVector(Stream& s, const View& v, int64_t size) {
  return require(s, v.dtype == DType::f64 && v.rank == 1 && v.shape[0] >= size,
                 "optimizer: state or hyper-parameters are not float64 vectors");
}
inline bool isSkip(Stream& s, const MaybeIn& skip) {
  return skip.data == nullptr ||
         require(s, numel(skip) == 1 && skip.dtype == DType::boolean, "optimizer: `skip` is not one bool");
}
inline const uint8_t* skipOf(const MaybeIn& skip) { return static_cast<const uint8_t*>(skip.data); }
inline optim::Numbers numbersOf(const View& v) { return {static_cast<const double*>(v.data), v.stride[0]}; }
inline optim::Cells cellsOf(const View& v) { return {static_cast<double*>(v.data), v.stride[0]}; }

/// Null, with the op failed, when there is no room for it in the scratch.
template <class Rule>
Prepared<Rule>* prepare(Stream& s, const View& hyper, const View& state, const uint8_t* leaveOut,
                        int32_t flags, uint32_t present) {
  static_assert(sizeof(Prepared<Rule>) <= kRuleBytes);
  if (!require(s, s.scratchBytes >= kRuleBytes, "optimizer: no scratch")) return nullptr;
  auto* prepared = static_cast<Prepared<Rule>*>(s.scratch);
  const uint32_t* spoiled = guard(s);
  launch(s, prepareRule<Rule>, dim3(1), dim3(1), 0, prepared, numbersOf(hyper), cellsOf(state), leaveOut,
         flags, present, spoiled);
  return prepared;
}

}  // namespace wg::cuda
