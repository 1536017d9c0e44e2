// One pass over parameters, gradients and slots with an update rule of ops/optim.h. Everything is checked
// before the first write, so a step happens whole or not at all.
#pragma once
#include "../ops/optim.h"
#include "lists.h"
#include "simd/vec.h"

namespace wg::cpu {
inline namespace WG_ISA {

inline optim::Numbers numbersOf(const View& v) { return {static_cast<const double*>(v.data), v.stride[0]}; }
inline optim::Cells cellsOf(const View& v) { return {static_cast<double*>(v.data), v.stride[0]}; }
inline bool isVector(Stream& s, const View& v, int64_t size) {
  return require(s, v.dtype == DType::f64 && v.rank == 1 && v.shape[0] >= size,
                 "optimizer: state or hyper-parameters are not float64 vectors");
}

/// Whether the step is left out: an earlier kernel found its gradients not finite, or `skip` is no bool.
inline bool skips(Stream& s, const MaybeIn& skip) {
  if (skip.data == nullptr) return false;
  return !require(s, numel(skip) == 1 && skip.dtype == DType::boolean, "optimizer: `skip` is not one bool") ||
         *static_cast<const uint8_t*>(skip.data) != 0;
}

/// What an optimizer remembers of its parameters, one list each. (As a plain array it would make names that
/// nm cannot demangle, and the gate for weak symbols fail.)
template <int N>
struct Slots {
  const InOutList* list[N];
};

/// Gradients and slots have the parameters' shapes and dtypes; a list of slots may be empty.
template <int N>
inline bool stepAgrees(Stream& s, const InOutList& params, const InList& grads, const Slots<N>& slots) {
  const char* const message = "optimizer step: gradients and slots do not match the parameters";
  if (!require(s, grads.count == params.count, message) ||
      !listsAgree(s, message, params.count, params.items, grads.items))
    return false;
  for (const InOutList* slot : slots.list) {
    if (slot->count == 0) continue;
    if (!require(s, slot->count == params.count, message) ||
        !listsAgree(s, message, params.count, params.items, slot->items))
      return false;
  }
  return true;
}

/// The rule on n contiguous elements of [p, g, slots …]; a missing slot is null.
template <class T, class Rule>
inline void stepBlock(T* const* data, int64_t n, const Rule& rule) {
  using V = simd::Vec<T>;
  constexpr int kSlots = Rule::kSlots;
  T* const p = data[0];
  const T* const g = data[1];
  V slot[kSlots];
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) {
    V value = simd::load<V>(p + i);
    for (int k = 0; k < kSlots; k++)
      slot[k] = data[k + 2] != nullptr ? simd::load<V>(data[k + 2] + i) : V(T(0));
    rule(value, simd::load<V>(g + i), slot);
    simd::store(p + i, value);
    for (int k = 0; k < kSlots; k++)
      if (data[k + 2] != nullptr) simd::store(data[k + 2] + i, slot[k]);
  }
  if (i == n) return;
  V value = simd::loadPart<V>(p + i, n - i);
  for (int k = 0; k < kSlots; k++)
    slot[k] = data[k + 2] != nullptr ? simd::loadPart<V>(data[k + 2] + i, n - i) : V(T(0));
  rule(value, simd::loadPart<V>(g + i, n - i), slot);
  simd::storePart(p + i, value, n - i);
  for (int k = 0; k < kSlots; k++)
    if (data[k + 2] != nullptr) simd::storePart(data[k + 2] + i, slot[k], n - i);
}

/// The rule on all elements of all parameters, which stepAgrees has checked. (A member of a class template:
/// of a function template nm could not demangle the lambda's name, and the gate for weak symbols would fail.)
template <class Rule>
struct Step {
  static void all(Stream& s, const InOutList& params, const InList& grads, const Slots<Rule::kSlots>& slots,
                  const Rule& rule) {
    forEachListChunk(s, params.items, params.count, [&](int64_t t, int64_t first, int64_t n) {
      constexpr int kSlots = Rule::kSlots;
      const View* tensors[kSlots + 2] = {&params.items[t], &grads.items[t]};
      for (int k = 0; k < kSlots; k++)
        tensors[k + 2] = slots.list[k]->count > 0 ? &slots.list[k]->items[t] : nullptr;
      withFloat(s, params.items[t].dtype, "optimizer step", [&]<class T>() {
        overBlocks<T>(tensors, first, n,
                      [&](T* const* data, int64_t count) { stepBlock(data, count, rule); });
      });
    });
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
