#include "cells.h"

#include <bit>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <new>

#include "../ops/checks.h"
#include "memory.h"

namespace wg::cuda {
namespace {

/// The line of `text` that the cell's `set` names, with its numbers in place of %lld and %g.
void print(char* message, size_t capacity, const char* text, const ErrorCell& cell) {
  for (uint32_t line = 1; line < cell.set && std::strchr(text, '\n'); line++)
    text = std::strchr(text, '\n') + 1;
  size_t used = 0;
  int next = 0;
  while (*text && *text != '\n' && used + 1 < capacity) {
    char number[32] = {*text, 0};
    const int64_t value = cell.value[next < 3 ? next : 2];
    if (std::strncmp(text, "%lld", 4) == 0) {
      std::snprintf(number, sizeof number, "%lld", static_cast<long long>(value));
      text += 4;
      next++;
    } else if (std::strncmp(text, "%g", 2) == 0) {
      std::snprintf(number, sizeof number, "%g", std::bit_cast<double>(value));
      text += 2;
      next++;
    } else {
      text++;
    }
    const int written = std::snprintf(message + used, capacity - used, "%s", number);
    used += static_cast<size_t>(written);
  }
  message[used < capacity ? used : capacity - 1] = 0;
}

}  // namespace

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
  print(message, capacity, note.text, cell);
  record.code = note.code;
  record.message = message;
  return true;
}

}  // namespace wg::cuda
