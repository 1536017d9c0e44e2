// The shape side of a reduction on the device: which axes go, how x lies along kept and reduced ones, and how
// the work is cut. Cuts depend on shapes, strides and alignment only, so results are the same on every card.
#pragma once
#include "../ops/checks.h"
#include "team.cuh"
#include "wg/index.h"

namespace wg::cuda {

struct Reduction {
  const void* x;
  void* out;
  Offsets<2, uint64_t> kept;     ///< of x and of out
  Offsets<1, uint64_t> reduced;  ///< of x
  int64_t outputs, length;
  int64_t width;    ///< columns: kept neighbours in memory, which threads take side by side
  uint32_t strips;  ///< columns: blocks side by side
  bool columns;     ///< the contiguous axis of x is kept: whole rows are folded onto each other
  bool packed;      ///< 16 bytes at a time
  TeamShape team;   ///< rows: the threads of one output; columns: lanes are the threads side by side
  int64_t blocks;   ///< of one piece
  int64_t pieces;   ///< each output's elements are cut into so many, joined by a second kernel
  int64_t piece;    ///< elements of a piece
};

/// Columns that a thread takes side by side.
template <class T>
inline constexpr int kColumns = sizeof(T) == 8 ? 2 : 4;

/// Out has x's rank and size 1 along reduced axes. False, with the op failed, when the shapes do not relate
/// so.
bool planReduction(Stream& s, const View& out, const View& x, Reduction& r);

/// The scratch of a reduction whose partial results have `stateBytes`.
size_t reductionWorkspace(const View& out, const View& x, size_t stateBytes);

}  // namespace wg::cuda
