#include "decode.h"

#include <cstdarg>
#include <cstdio>
#include <utility>

#include "environment.h"

namespace wg {
namespace {

constexpr int64_t kItemSize[] = {
#define WG_SIZE(name, text, bytes) bytes,
    WG_DTYPES(WG_SIZE)
#undef WG_SIZE
};

constexpr int32_t kInPlaceBit = 0x100;  // set by TypeScript when the target existed before the op

template <class T>
std::pair<T, T> halves(double word) {
  const auto bits = std::bit_cast<uint64_t>(word);
  return {static_cast<T>(bits & 0xffffffff), static_cast<T>(bits >> 32)};
}

/// Reads shape and strides and finds the range of elements they reach; false after a fault.
bool readLayout(Reader& r, View& view, int64_t& low, int64_t& high, bool& contiguous, bool& empty) {
  contiguous = true;
  empty = false;
  int64_t expected = 1;
  for (int i = view.rank - 1; i >= 0; --i) {
    if (!asInteger(r.at[3 + i], view.shape[i]) || view.shape[i] < 0 ||
        !asInteger(r.at[3 + view.rank + i], view.stride[i])) {
      r.fail(Code::bounds, "shape and strides must be integers");
      return false;
    }
    const int64_t size = view.shape[i], stride = view.stride[i];
    int64_t reach = 0;
    if (size == 0) empty = true;
    else if (__builtin_mul_overflow(size - 1, stride, &reach) ||
             __builtin_add_overflow(stride < 0 ? low : high, reach, stride < 0 ? &low : &high)) {
      r.fail(Code::bounds, "view is too large");
      return false;
    }
    if (size != 1 && stride != expected) contiguous = false;
    if (__builtin_mul_overflow(expected, size, &expected)) {
      r.fail(Code::bounds, "view is too large");
      return false;
    }
  }
  return true;
}

int64_t numel(const View& view) {
  int64_t n = 1;
  for (int i = 0; i < view.rank; ++i) n *= view.shape[i];
  return n;
}

}  // namespace

void Reader::fail(Code code, const char* format, ...) {
  if (fault != Code::ok) return;
  fault = code;
  va_list list;
  va_start(list, format);
  std::vsnprintf(message.text, sizeof message.text, format, list);
  va_end(list);
}

void readView(Reader& r, View& view, Access access) {
  if (!r.more(3)) return;
  const auto [index, generation] = halves<uint32_t>(r.at[0]);
  const auto [kind, rank] = halves<int32_t>(r.at[1]);
  if (rank < 0 || rank > kMaxRank || (kind & 0xff) >= static_cast<int32_t>(DType::count))
    return r.fail(Code::bounds, "rank %d or dtype %d is out of range", rank, kind & 0xff);
  if (!r.more(3 + 2 * rank)) return;
  view.rank = rank;
  view.dtype = static_cast<DType>(kind & 0xff);
  Slot* slot = r.environment.argumentSlot(r.graph, index, generation);
  if (!slot) return r.fail(Code::disposed, "a tensor's storage was already freed");

  int64_t offset = 0;
  if (!asInteger(r.at[2], offset)) return r.fail(Code::bounds, "offset must be an integer");
  int64_t low = offset, high = offset;
  bool contiguous = true, empty = false;
  if (!readLayout(r, view, low, high, contiguous, empty)) return;
  const int64_t item = kItemSize[static_cast<int>(view.dtype)];
  const auto elements = static_cast<int64_t>(slot->bytes) / item;
  if (offset < 0 || offset > elements || (!empty && (low < 0 || high >= elements)))
    return r.fail(Code::bounds, "view reaches outside its storage of %zu bytes", slot->bytes);
  r.at += 3 + 2 * rank;

  if (!slot->block) {
    r.failedRoot = slot->failure;
    return;
  }
  if (slot->block->device != r.queue.deviceNumber)
    return r.fail(Code::argument, "tensors are on different devices");
  if (access == Access::in) {
    if (std::exchange(slot->fresh, false)) r.targets.push_back({slot->block, nullptr, 0, kFirst | kReadOnly});
    r.environment.use(r.queue, *r.command, *slot->block);
    r.inputs.push_back(slot->block);
  } else {
    if (slot->block->readOnly) return r.fail(Code::argument, "borrowed memory is read-only");
    const bool covers =
        access == Access::out && contiguous && numel(view) * item == static_cast<int64_t>(slot->bytes);
    Target target{
        nullptr, nullptr, 0,
        (kind & kInPlaceBit ? kInPlace : 0u) | (covers ? kCovers : 0u) | (slot->fresh ? kFirst : 0u)};
    // The contents go along even when the view covers them: an input behind this argument may be the same
    // tensor.
    if (slot->block->snapshots && !slot->block->fixed && !r.environment.moveAway(*slot, target, !slot->fresh))
      return r.fail(Code::outOfMemory, "no memory to move a tensor away from a view of it");
    slot->fresh = false;
    target.block = slot->block;
    r.environment.use(r.queue, *r.command, *slot->block);
    r.targets.push_back(target);
  }
  view.data = static_cast<char*>(slot->block->data) + offset * item;
}

void readList(Reader& r, const View*& items, int64_t& count, Access access) {
  items = nullptr;
  count = 0;
  int64_t n = 0;
  if (!r.more(1)) return;
  if (!asInteger(*r.at++, n) || n < 0 || n > r.end - r.at) return r.fail(Code::argument, "bad list length");
  auto* place = reinterpret_cast<View*>(r.reserve(static_cast<size_t>(n) * sizeof(View)));
  if (!place) return;
  for (int64_t i = 0; i < n && r.fault == Code::ok; ++i) readView(r, place[i], access);
  items = place;
  count = n;
}

void Arg<MaybeIn>::read(Reader& r, MaybeIn* view) {
  if (!r.more(1)) return;
  if (halves<uint32_t>(*r.at) == std::pair{kNoSlot, 0u}) {
    view->data = nullptr;
    view->rank = -1;
    ++r.at;
    return;
  }
  readView(r, *view, Access::in);
}

void Arg<Operand>::read(Reader& r, Operand* operand) {
  if (!r.more(1)) return;
  operand->isNumber = halves<uint32_t>(*r.at) == std::pair{kNoSlot, 1u};
  if (!operand->isNumber) return readView(r, operand->view, Access::in);
  if (!r.more(2)) return;
  operand->number = r.at[1];
  r.at += 2;
}

}  // namespace wg
