// The shared memory of resident blocks: laid out once a launch, poisoned for each block, fenced by bytes that
// nobody may change.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "report.h"

namespace wg::emu {

/// What a block of sm_90 may have; static variables share it with the dynamic part.
inline constexpr size_t kMostShared = 232448;

class SharedMemory {
 public:
  SharedMemory() = default;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();

  /// A new launch of `blocks` blocks at a time.
  void begin(int blocks, size_t dynamicBytes);
  char* arena(int block) { return arenas_[static_cast<size_t>(block)]; }
  /// Where a variable lies in every arena; `problem` says when it does not fit.
  size_t offsetOf(const void* key, size_t bytes, size_t alignment, const char* name, Text& problem);
  /// Fresh poison for the next blocks; -1, or the block that wrote beyond a variable, named in `problem`.
  int renew(Text& problem);
  /// Bytes from an arena's beginning to `p`, or -1 when it lies in no variable as a whole.
  ptrdiff_t find(int block, const void* p, size_t bytes) const;
  /// The block that p lies in, or -1.
  int blockOf(const void* p) const;

 private:
  struct Variable {
    const void* key;
    const char* name;
    size_t offset, bytes;
  };
  void add(const void* key, size_t bytes, size_t alignment, const char* name);
  void poison(size_t first, size_t last);

  std::vector<char*> arenas_;
  std::vector<Variable> variables_;
  int blocks_ = 0;
  size_t used_ = 0;
};

}  // namespace wg::emu
