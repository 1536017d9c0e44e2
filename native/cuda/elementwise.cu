// The host's half of elementwise kernels: one plan for a launch.
#include "elementwise.h"

namespace wg::cuda {
namespace {

/// Launches no more: threads go on to other elements.
constexpr int64_t kMostBlocks = 8192;
/// Elements of one launch, so that 32 bits number them.
constexpr int64_t kMostElements = int64_t{1} << 30;

int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

struct Merged {
  int rank = 0;
  int64_t size[kMaxRank];
  int64_t stride[kMaxRank][kMaxSides] = {};
};

/// Merged in the order of the output's strides, innermost first; those of size 1 dropped, neighbours merged
/// where every side allows it.
Merged mergedAxes(const View& out, const Source* inputs, int count) {
  int order[kMaxRank], rank = 0;
  for (int a = out.rank - 1; a >= 0; a--) {
    if (out.shape[a] == 1) continue;
    int at = rank++;
    for (; at > 0 && magnitude(out.stride[order[at - 1]]) > magnitude(out.stride[a]); at--)
      order[at] = order[at - 1];
    order[at] = a;
  }
  Merged axes;
  for (int i = 0; i < rank; i++) {
    const int axis = order[i], last = axes.rank - 1;
    int64_t step[kMaxSides] = {};
    bool merges = axes.rank > 0;
    for (int k = 0; k <= count; k++) {
      const View* v = k == 0 ? &out : inputs[k - 1].view;
      step[k] = v ? v->stride[axis] : 0;
      merges = merges && step[k] == axes.stride[last][k] * axes.size[last];
    }
    if (merges) {
      axes.size[last] *= out.shape[axis];
      continue;
    }
    axes.size[axes.rank] = out.shape[axis];
    for (int k = 0; k <= count; k++) axes.stride[axes.rank][k] = step[k];
    axes.rank++;
  }
  if (axes.rank == 0) {
    axes.rank = 1;
    axes.size[0] = 1;
    for (int k = 0; k <= count; k++) axes.stride[0][k] = k == 0 || inputs[k - 1].view ? 1 : 0;
  }
  return axes;
}

void writeNumber(char* to, DType dtype, double x) {
  const auto put = [to](auto value) { __builtin_memcpy(to, &value, sizeof value); };
  switch (dtype) {
    case DType::f32:
      return put(static_cast<float>(x));
    case DType::f64:
      return put(x);
    case DType::i32:
      return put(fromDouble<int32_t>(x));
    case DType::i64:
      return put(fromDouble<int64_t>(x));
    case DType::u8:
      return put(fromDouble<uint8_t>(x));
    case DType::boolean:
      return put(static_cast<uint8_t>(x != 0));
    case DType::i8:
      return put(fromDouble<int8_t>(x));
    case DType::i16:
      return put(fromDouble<int16_t>(x));
    case DType::f16:
      return put(narrowHalf(roundedToOdd(x)));
    case DType::bf16:
      return put(narrowBrain(roundedToOdd(x)));
    case DType::count:
      break;
  }
}

bool isByte(DType t) { return t == DType::u8 || t == DType::i8 || t == DType::boolean; }

void planSide(Side& side, const View* v, DType body, double number, bool output) {
  side.data = v ? static_cast<char*>(v->data) : nullptr;
  side.dtype = v ? v->dtype : body;
  side.truth = body == DType::boolean;
  // Bytes are alike, but only bools are surely 0 or 1.
  const bool becomesBool = (output ? side.dtype : body) == DType::boolean;
  side.native = side.dtype == body || (isByte(side.dtype) && isByte(body) && !becomesBool);
  if (!v) writeNumber(side.number, body, number);
}

/// Whether packs of n elements can be moved whole on every side.
bool canPack(const Merged& axes, const Plan& p, const DType* bodies, int sides, int n) {
  if (n == 1 || axes.size[0] % n != 0) return false;
  for (int k = 0; k < sides; k++) {
    const Side& side = p.side[k];
    const int64_t inner = axes.stride[0][k];
    const bool half = bodies[k] == DType::f32 && (side.dtype == DType::f16 || side.dtype == DType::bf16);
    if (!side.native && !(half && inner == 1)) return false;
    if (inner == 0 && k > 0) continue;
    const int64_t bytes = itemBytes(side.dtype) * n;
    if (inner != 1 || reinterpret_cast<uintptr_t>(side.data) % static_cast<uintptr_t>(bytes)) return false;
    for (int a = 1; a < axes.rank; a++)
      if (axes.stride[a][k] % n) return false;
  }
  return true;
}

/// Launches what is left of the axes; more than one launch can number is cut along the outermost axis.
void launchAll(Stream& s, const Launcher& launcher, const void* body, Merged& axes, Plan& p, int sides) {
  int64_t total = 1;
  for (int a = 0; a < axes.rank; a++) total *= axes.size[a];
  if (total > kMostElements) {
    int outer = axes.rank - 1;
    while (axes.size[outer] == 1) outer--;
    const int64_t whole = axes.size[outer];
    const int64_t half = outer > 0 ? whole / 2 : whole / 128 * 64;  // packs stay whole
    axes.size[outer] = half;
    launchAll(s, launcher, body, axes, p, sides);
    char* before[kMaxSides];
    for (int k = 0; k < sides; k++) {
      before[k] = p.side[k].data;
      if (before[k]) p.side[k].data += half * axes.stride[outer][k] * itemBytes(p.side[k].dtype);
    }
    axes.size[outer] = whole - half;
    launchAll(s, launcher, body, axes, p, sides);
    for (int k = 0; k < sides; k++) p.side[k].data = before[k];
    axes.size[outer] = whole;
    return;
  }
  p.total = static_cast<uint32_t>(total);
  p.rank = axes.rank;
  for (int a = 0; a < axes.rank; a++) {
    p.size[a] = Divider<uint32_t>(static_cast<uint32_t>(axes.size[a]));
    for (int k = 0; k < sides; k++) p.stride[a][k] = axes.stride[a][k];
  }
  const int64_t pack = launcher.pack;
  if (p.packed) {
    p.total /= static_cast<uint32_t>(pack);
    p.size[0] = Divider<uint32_t>(static_cast<uint32_t>(axes.size[0] / pack));
    for (int k = 0; k < sides; k++) p.stride[0][k] *= pack;
  }
  const int64_t turns = p.packed ? p.total : ceilDiv<int64_t>(p.total, pack);
  const int64_t blocks = ceilDiv<int64_t>(turns, kElementwiseThreads);
  launcher.launch(s, p, body, dim3(static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks)));
}

}  // namespace

bool runElementwise(Stream& s, const Launcher& launcher, const void* body, const View& out, DType result,
                    const Source* inputs, int count) {
  for (int k = 0; k < count; k++)
    if (inputs[k].view && !require(s, sameShape(*inputs[k].view, out),
                                   "elementwise: an input's shape differs from the output's"))
      return false;
  if (numel(out) == 0) return true;
  Plan p{};
  DType bodies[kMaxSides] = {result};
  planSide(p.side[0], &out, result, 0, true);
  for (int k = 0; k < count; k++) {
    bodies[k + 1] = inputs[k].body;
    planSide(p.side[k + 1], inputs[k].view, inputs[k].body, inputs[k].number, false);
  }
  Merged axes = mergedAxes(out, inputs, count);
  p.packed = canPack(axes, p, bodies, 1 + count, launcher.pack);
  launchAll(s, launcher, body, axes, p, 1 + count);
  return true;
}

}  // namespace wg::cuda
