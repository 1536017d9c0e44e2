#include "reduction.h"

namespace wg::cpu {
inline namespace WG_ISA {

bool planReduction(Stream& s, const View& out, const View& x, Reduction& r) {
  if (!require(s, out.rank == x.rank, "reduction: ranks differ")) return false;
  const int64_t item = itemBytes(x.dtype), outItem = itemBytes(out.dtype);
  const auto magnitude = [](int64_t v) { return v < 0 ? -v : v; };
  int64_t shape[2][kMaxRank] = {}, stride[2][kMaxRank] = {}, outStride[kMaxRank] = {};
  int count[2] = {0, 0};  // kept, reduced
  int order[kMaxRank], rank = 0;
  for (int i = 0; i < x.rank; i++) {
    if (!require(s, out.shape[i] == x.shape[i] || out.shape[i] == 1,
                 "reduction: a kept axis differs in size"))
      return false;
    int at = rank++;
    for (; at > 0 && magnitude(x.stride[order[at - 1]]) < magnitude(x.stride[i]); at--)
      order[at] = order[at - 1];
    order[at] = i;
  }
  for (int k = 0; k < rank; k++) {
    const int axis = order[k];
    if (x.shape[axis] == 1) continue;
    const int to = out.shape[axis] == 1 ? 1 : 0, slot = count[to]++;
    shape[to][slot] = x.shape[axis];
    stride[to][slot] = x.stride[axis] * item;
    if (to == 0) outStride[slot] = out.stride[axis] * outItem;
  }
  r.reduced = walkOf(x.data, item, count[1], shape[1], stride[1]);
  // Kept axes merge only where both sides do; leaving them apart is always right.
  Walk* walks[] = {&r.kept, &r.out};
  for (Walk* w : walks) *w = Walk{};
  r.kept.data = static_cast<char*>(x.data);
  r.out.data = static_cast<char*>(out.data);
  r.kept.item = item;
  r.out.item = outItem;
  r.kept.total = r.out.total = 1;
  int n = 0;
  for (int k = 0; k < count[0]; k++) {
    const int64_t size = shape[0][k];
    r.kept.total *= size;
    r.out.total *= size;
    if (n > 0 && r.kept.stride[n - 1] == size * stride[0][k] && r.out.stride[n - 1] == size * outStride[k]) {
      r.kept.shape[n - 1] = r.out.shape[n - 1] = r.kept.shape[n - 1] * size;
    } else {
      r.kept.shape[n] = r.out.shape[n] = size;
      n++;
    }
    r.kept.stride[n - 1] = stride[0][k];
    r.out.stride[n - 1] = outStride[k];
  }
  r.kept.rank = r.out.rank = n;
  r.columns = n > 0 && r.kept.stride[n - 1] == item && r.kept.shape[n - 1] >= 4 &&
              !(r.reduced.rank > 0 && r.reduced.stride[r.reduced.rank - 1] == item);
  return true;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
