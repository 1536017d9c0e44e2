#include "walk.h"

namespace wg::cpu {
inline namespace WG_ISA {

Walk walkOf(void* data, int64_t item, int32_t rank, const int64_t* shape, const int64_t* stride) {
  Walk w;
  w.data = static_cast<char*>(data);
  w.item = item;
  w.total = 1;
  w.rank = 0;
  for (int i = 0; i < rank; i++) {
    w.total *= shape[i];
    if (shape[i] == 1) continue;
    if (w.rank > 0 && w.stride[w.rank - 1] == shape[i] * stride[i]) {
      w.shape[w.rank - 1] *= shape[i];
      w.stride[w.rank - 1] = stride[i];
    } else {
      w.shape[w.rank] = shape[i];
      w.stride[w.rank++] = stride[i];
    }
  }
  w.direct = w.rank == 0 || (w.rank == 1 && w.stride[0] == item);
  return w;
}

Walk walkOf(const View& v) {
  const int64_t item = itemBytes(v.dtype);
  int64_t stride[kMaxRank];
  for (int i = 0; i < v.rank; i++) stride[i] = v.stride[i] * item;
  return walkOf(v.data, item, v.rank, v.shape, stride);
}

namespace {

template <class T>
void copyStep(void* to, int64_t toStep, const void* from, int64_t fromStep, int64_t n) {
  char* t = static_cast<char*>(to);
  const char* f = static_cast<const char*>(from);
  for (int64_t i = 0; i < n; i++) __builtin_memcpy(t + i * toStep, f + i * fromStep, sizeof(T));
}

void copyRun(void* to, int64_t toStep, const void* from, int64_t fromStep, int64_t item, int64_t n) {
  if (toStep == item && fromStep == item) {
    __builtin_memcpy(to, from, static_cast<size_t>(n * item));
  } else if (item == 4) {
    // The step of the contiguous side as a constant lets the compiler use wide stores or gathers.
    if (toStep == 4) copyStep<uint32_t>(to, 4, from, fromStep, n);
    else copyStep<uint32_t>(to, toStep, from, fromStep, n);
  } else if (item == 8) {
    copyStep<uint64_t>(to, toStep, from, fromStep, n);
  } else if (item == 2) {
    copyStep<uint16_t>(to, toStep, from, fromStep, n);
  } else {
    copyStep<uint8_t>(to, toStep, from, fromStep, n);
  }
}

}  // namespace

void gather(void* to, const Walk& from, int64_t start, int64_t n) {
  // Short rows that lie apart, as those of an attention's head do, are asked for ahead: no hardware foresees
  // them.
  constexpr int64_t kRowsAhead = 4, kShortRow = 1024;
  const int last = from.rank - 1;
  const int64_t row = last > 0 && from.stride[last] == from.item ? from.shape[last] * from.item : 0;
  const int64_t ahead = row >= 64 && row <= kShortRow ? kRowsAhead * from.stride[last - 1] : 0;
  forEachRun(from, start, n, [&](const char* p, int64_t step, int64_t offset, int64_t count) {
    char* t = static_cast<char*>(to) + offset * from.item;
    if (ahead != 0)
      for (int64_t i = 0; i < row; i += 64) __builtin_prefetch(p + ahead + i);
    if (step == 0) fillBlock(t, p, from.item, count);
    else copyRun(t, from.item, p, step, from.item, count);
  });
}

void scatter(const Walk& to, const void* from, int64_t start, int64_t n) {
  forEachRun(to, start, n, [&](char* p, int64_t step, int64_t offset, int64_t count) {
    copyRun(p, step, static_cast<const char*>(from) + offset * to.item, to.item, to.item, count);
  });
}

void fillBlock(void* to, const void* value, int64_t item, int64_t n) {
  char* t = static_cast<char*>(to);
  if (n <= 0) return;
  if (item == 1) {
    __builtin_memset(t, *static_cast<const unsigned char*>(value), static_cast<size_t>(n));
  } else if (item == 2) {
    uint16_t v;
    __builtin_memcpy(&v, value, 2);
    for (int64_t i = 0; i < n; i++) __builtin_memcpy(t + 2 * i, &v, 2);
  } else if (item == 4) {
    uint32_t v;
    __builtin_memcpy(&v, value, 4);
    for (int64_t i = 0; i < n; i++) __builtin_memcpy(t + 4 * i, &v, 4);
  } else {
    uint64_t v;
    __builtin_memcpy(&v, value, 8);
    for (int64_t i = 0; i < n; i++) __builtin_memcpy(t + 8 * i, &v, 8);
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
