#include "cells.h"
#include "wg/launch.h"

namespace wg::cuda {
namespace {

constexpr int kThreads = 128;

/// One block looks at every cell.
WG_KERNEL(kThreads)
fold(uint32_t* word, const ErrorCell* cells, uint64_t first, uint64_t last, uint64_t mask,
     const uint32_t* outer) {
  int any = 0;
  for (uint64_t n = first + threadIdx.x; n <= last; n += kThreads) any |= cells[n & mask].set != 0;
  any = __syncthreads_or(any);
  if (threadIdx.x == 0) *word = any != 0 || (outer && *outer != 0) ? 1 : 0;
}

}  // namespace

void foldCells(Stream& s, uint32_t* word, const ErrorCells& cells, uint64_t after, uint64_t last,
               const uint32_t* outer) {
  launch(s, fold, dim3(1), dim3(kThreads), 0, word, cells.all(), after + 1, last, cells.capacity() - 1,
         outer);
}

}  // namespace wg::cuda
