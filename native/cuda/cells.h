// Failures that only the device sees, such as an index out of range: the kernel writes what it found to its
// op's cell, the host reads the cell when the op is done. Kernels see this through wg/error.h.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "../core/command.h"
#include "native.h"

namespace wg::cuda {

/// On the device, all zero until a kernel raises it.
struct ErrorCell {
  uint32_t set;  ///< 1 + the line of the message
  uint32_t unused;
  int64_t value[3];
};

/// A cell for the running op, which may take one. `format` is printed now; each `%%lld` in it is left for the
/// numbers the kernel raises, each `%%g` for one that asBits made of a float. Of several lines the kernel
/// picks one. Null when the op has failed already.
[[gnu::format(printf, 3, 4)]] ErrorCell* errorCell(Stream& s, Code code, const char* format, ...);

/// For ops that must write nothing when an op they depend on has failed on the device: a word that is not 0
/// then, or null when that cannot be.
const uint32_t* guard(Stream& s);

/// The cells of a queue or graph, numbered from 1 in the order of ops. The issuing side takes them, the
/// retiring side reads them.
class ErrorCells {
 public:
  ErrorCells() = default;
  ~ErrorCells();
  ErrorCells(const ErrorCells&) = delete;
  ErrorCells& operator=(const ErrorCells&) = delete;

  /// `capacity` is a power of two. False: no memory.
  bool open(uint64_t capacity, cudaStream_t stream);

  uint64_t taken() const { return taken_; }
  bool full() const { return taken_ - retired_.load() >= capacity_; }
  /// Cells whose ops are under way.
  bool outstanding() const { return taken_ != retired_.load(); }
  ErrorCell* take(Code code, const char* text);
  ErrorCell* device(uint64_t number) const { return cells_ + index(number); }
  ErrorCell* all() const { return cells_; }
  uint32_t* word() const { return &cells_[capacity_].set; }       ///< where guard() answers
  uint32_t* outer() const { return &cells_[capacity_ + 1].set; }  ///< of a graph: Native::outer
  uint64_t capacity() const { return capacity_; }
  /// Queues the copy of what was taken since the last call to where raised() looks.
  cudaError_t collect(cudaStream_t stream);
  /// Makes all cells anew. Only when none is outstanding.
  cudaError_t clear(cudaStream_t stream);

  /// Whether the cell was raised, and the words for it. `seen`: a copy of all cells, or null for collect()'s.
  bool raised(uint64_t number, const ErrorCell* seen, FailureRecord& record, char* message,
              size_t capacity) const;
  void retire(uint64_t number) { retired_.store(number); }

 private:
  struct Note {
    Code code;
    char text[216];
  };
  uint64_t index(uint64_t number) const { return number & (capacity_ - 1); }

  ErrorCell* cells_ = nullptr;
  ErrorCell* seen_ = nullptr;  // pinned
  std::unique_ptr<Note[]> notes_;
  uint64_t capacity_ = 0, taken_ = 0, collected_ = 0;
  std::atomic<uint64_t> retired_{0};
};

/// Queues: *word = whether any cell numbered (after, last] is set, or *outer is, when it is not null.
void foldCells(Stream& s, uint32_t* word, const ErrorCells& cells, uint64_t after, uint64_t last,
               const uint32_t* outer);

}  // namespace wg::cuda
