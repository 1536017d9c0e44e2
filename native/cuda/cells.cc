#include "cells.h"

#include <cstdarg>
#include <cstdio>
#include <new>

#include "../ops/checks.h"
#include "memory.h"

namespace wg::cuda {

ErrorCell* errorCell(Stream& s, Code code, const char* format, ...) {
  Native& native = nativeOf(s);
  if (failed(s)) return nullptr;
  if (native.cell || native.cells->full()) {
    fail(s, Code::unsupported, "no error cell is left for it");
    return nullptr;
  }
  char text[216];
  va_list list;
  va_start(list, format);
  std::vsnprintf(text, sizeof text, format, list);
  va_end(list);
  ErrorCell* cell = native.cells->take(code, text);
  native.cell = native.cells->taken();
  return cell;
}

const uint32_t* guard(Stream& s) {
  Native& native = nativeOf(s);
  native.guarded = true;
  if (native.after == native.last && !native.outer) return nullptr;
  foldCells(s, native.cells->word(), *native.cells, native.after, native.last, native.outer);
  return native.cells->word();
}

ErrorCells::~ErrorCells() {
  if (cells_) cudaFree(cells_);
  if (seen_) staging().give(seen_);
}

bool ErrorCells::open(uint64_t capacity, cudaStream_t stream) {
  capacity_ = capacity;
  notes_.reset(new (std::nothrow) Note[capacity]);
  void* cells = nullptr;
  // Two words of other use stand behind the cells.
  if (notes_ && cudaMalloc(&cells, (capacity + 2) * sizeof(ErrorCell)) == cudaSuccess) {
    cells_ = static_cast<ErrorCell*>(cells);
    seen_ = static_cast<ErrorCell*>(staging().take(capacity * sizeof(ErrorCell)));
  }
  return seen_ && clear(stream) == cudaSuccess;
}

cudaError_t ErrorCells::clear(cudaStream_t stream) {
  return cudaMemsetAsync(cells_, 0, (capacity_ + 2) * sizeof(ErrorCell), stream);
}

ErrorCell* ErrorCells::take(Code code, const char* text) {
  Note& note = notes_[index(++taken_)];
  note.code = code;
  std::snprintf(note.text, sizeof note.text, "%s", text);
  return device(taken_);
}

cudaError_t ErrorCells::collect(cudaStream_t stream) {
  while (collected_ != taken_) {
    const uint64_t first = index(collected_ + 1), left = taken_ - collected_;
    const uint64_t count = left < capacity_ - first ? left : capacity_ - first;  // to the end of the ring
    const cudaError_t result = cudaMemcpyAsync(seen_ + first, cells_ + first, count * sizeof(ErrorCell),
                                               cudaMemcpyDeviceToHost, stream);
    if (result != cudaSuccess) return result;
    collected_ += count;
  }
  return cudaSuccess;
}

bool ErrorCells::raised(uint64_t number, const ErrorCell* seen, FailureRecord& record, char* message,
                        size_t capacity) const {
  const ErrorCell& cell = (seen ? seen : seen_)[index(number)];
  if (!cell.set) return false;
  const Note& note = notes_[index(number)];
  const auto value = [&](int i) { return static_cast<long long>(cell.value[i]); };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
  std::snprintf(message, capacity, note.text, value(0), value(1), value(2));
#pragma GCC diagnostic pop
  record.code = note.code;
  record.message = message;
  return true;
}

}  // namespace wg::cuda
