#include "reduction.h"

#include "wg/vector.h"

namespace wg::cuda {
namespace {

/// Blocks that keep the largest cards busy; a constant, so that results do not depend on the card.
constexpr int64_t kEnoughBlocks = 512;
/// Elements that a thread has in flight before it uses the first, as packs.
constexpr int64_t kInFlight = 4;

void cut(Reduction& r, int64_t least, int64_t multiple) {
  r.pieces = 1;
  r.piece = r.length;
  if (r.blocks >= kEnoughBlocks / 2 || r.length < 2 * least) return;
  const int64_t wanted = minOf(wg::ceilDiv(kEnoughBlocks, r.blocks), r.length / least);
  r.piece = wg::ceilDiv(wg::ceilDiv(r.length, wanted), multiple) * multiple;
  r.pieces = wg::ceilDiv(r.length, r.piece);
}

void planRows(Reduction& r, int64_t item) {
  const int64_t pack = r.packed ? 16 / item : 1;
  // Many outputs keep the card busy with a warp for each.
  const bool many = r.outputs >= 4096 && r.length <= 2048;
  r.team = teamOf(r.outputs, r.length, pack * (r.length > 32 * pack ? kInFlight : 1), many ? 32 : 512, false);
  r.blocks = wg::ceilDiv(r.outputs, r.team.rowsPerBlock());
  cut(r, r.team.lanes * pack * kInFlight * 2, r.team.lanes * pack);
}

void planColumns(Reduction& r, int64_t item) {
  const int64_t each = item == 8 ? 2 : 4;
  const int lanes = powerOf2(wg::ceilDiv(r.width, each), kWarp);
  const int down = powerOf2(wg::ceilDiv(r.length, kInFlight), 256 / lanes);
  r.team = {lanes, false, lanes * down < kWarp ? kWarp : lanes * down};
  r.strips = static_cast<uint32_t>(wg::ceilDiv(r.width, lanes * each));
  r.blocks = r.strips * (r.outputs / r.width);
  const int64_t rows = r.team.threads / lanes;
  cut(r, rows * kInFlight * 2, rows * kInFlight);
}

/// Null, or what is wrong with the shapes.
const char* plan(const View& out, const View& x, Reduction& r) {
  if (out.rank != x.rank) return "reduction: ranks differ";
  View keptX = x, keptOut = out, gone = x;
  keptX.rank = keptOut.rank = gone.rank = 0;
  for (int i = 0; i < x.rank; i++) {
    const bool kept = out.shape[i] != 1 || x.shape[i] == 1;
    if (kept && out.shape[i] != x.shape[i]) return "reduction: a kept axis differs in size";
    View& to = kept ? keptX : gone;
    to.shape[to.rank] = x.shape[i];
    to.stride[to.rank++] = x.stride[i];
    if (!kept) continue;
    keptOut.shape[keptOut.rank] = x.shape[i];
    keptOut.stride[keptOut.rank++] = out.stride[i];
  }
  const Axes<2> kept = axesOf<2>({&keptX, &keptOut}, Reorder::yes);
  const Axes<1> reduced = axesOf<1>({&gone}, Reorder::yes);
  const int64_t item = itemBytes(x.dtype);
  r.x = x.data;
  r.out = out.data;
  r.kept = kept.offsets<uint64_t>();
  r.reduced = reduced.offsets<uint64_t>();
  r.outputs = kept.total;
  r.length = reduced.total;
  if (r.outputs == 0) return nullptr;
  const bool alongRows = reduced.rank > 0 && reduced.stride[0][0] == 1;
  r.columns = kept.rank > 0 && kept.stride[0][0] == 1 && kept.size[0] >= 4 && !alongRows;
  r.width = r.columns ? kept.size[0] : 1;
  // Packs start at multiples of their count in every direction but the innermost.
  const int64_t count = r.columns ? (item == 8 ? 2 : 4) : 16 / item;
  bool packed = reinterpret_cast<uintptr_t>(x.data) % static_cast<uintptr_t>(count * item) == 0;
  for (int a = r.columns ? 1 : 0; a < kept.rank; a++) packed = packed && kept.stride[a][0] % count == 0;
  for (int a = r.columns ? 0 : 1; a < reduced.rank; a++) packed = packed && reduced.stride[a][0] % count == 0;
  if (r.columns) packed = packed && r.width % count == 0;
  else packed = packed && alongRows && (reduced.rank == 1 || reduced.size[0] % count == 0);
  r.packed = packed;
  if (r.columns) planColumns(r, item);
  else planRows(r, item);
  return nullptr;
}

}  // namespace

bool planReduction(Stream& s, const View& out, const View& x, Reduction& r) {
  const char* wrong = plan(out, x, r);
  return require(s, wrong == nullptr, wrong);
}

size_t reductionWorkspace(const View& out, const View& x, size_t stateBytes) {
  Reduction r;
  if (plan(out, x, r) != nullptr || r.outputs == 0 || r.pieces == 1) return 0;
  return static_cast<size_t>(r.outputs * r.pieces) * stateBytes;
}

}  // namespace wg::cuda
