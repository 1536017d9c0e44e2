// Two ways over the data. When the operands share long inner rows, the body runs on the rows in place and
// only operands broadcast or strided along the row are staged; otherwise (short rows) whole blocks are staged
// across rows. An operand whose dtype the body does not read is converted as it is staged. Both visit
// elements in an order that depends on shapes and strides alone, and elements do not depend on each other.
#include "elementwise_plan.h"
#include "simd/stream.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

constexpr int64_t kLongRow = 128;  // below it the call per row costs more than staging

/// Bytes computed at a time of what goes past the caches: few enough to wait in a core's store buffer, and to
/// leave it while the next block is computed.
constexpr int64_t kPastBlock = 1024;
/// Bytes behind the next block of the operands of what is asked for meanwhile.
constexpr int64_t kPastAhead = 1024;

void numberBytes(char* to, DType dtype, double x) {
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
    case DType::bf16:
      return convert(conversionOf(DType::f64, dtype), to, &x, 1);
    case DType::count:
      break;
  }
}

int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

/// Orders the axes by the output's strides, drops those of size 1 and merges neighbours that every side can
/// merge.
void plan(Plan& p, const View& out, const Source* inputs) {
  int order[kMaxRank], rank = 0;
  for (int i = 0; i < out.rank; i++) {
    if (out.shape[i] == 1) continue;
    int at = rank++;
    for (; at > 0 && magnitude(out.stride[order[at - 1]]) < magnitude(out.stride[i]); at--)
      order[at] = order[at - 1];
    order[at] = i;
  }
  p.rank = 0;
  for (int k = 0; k < rank; k++) {
    const int axis = order[k];
    const int64_t size = out.shape[axis];
    int64_t step[1 + kMaxInputs];
    bool merges = p.rank > 0;
    for (int j = 0; j < p.sides; j++) {
      const View* v = j == 0 ? &out : inputs[j - 1].view;
      step[j] = v == nullptr ? 0 : v->stride[axis] * p.side[j].item;
      merges = merges && p.side[j].stride[p.rank - 1] == size * step[j];
    }
    if (!merges) p.shape[p.rank++] = 1;
    p.shape[p.rank - 1] *= size;
    for (int j = 0; j < p.sides; j++) p.side[j].stride[p.rank - 1] = step[j];
  }
  if (p.rank == 0) {
    p.rank = 1;
    p.shape[0] = 1;
    for (int j = 0; j < p.sides; j++) p.side[j].stride[0] = p.side[j].item;
  }
  p.rows = p.rank == 1 || p.shape[p.rank - 1] >= kLongRow;
}

/// n elements `step` bytes apart as the body wants them.
void readRow(const Side& side, char* to, char* from, int64_t step, int64_t n) {
  const Walk row{from, side.item, n, 1, false, {n}, {step}};
  if (side.conversion.count == 0) return gather(to, row, 0, n);
  alignas(64) char raw[kStageBytes];
  if (step != side.item) gather(raw, row, 0, n);
  convert(side.conversion, to, step == side.item ? from : raw, n);
}
/// One element in `n` places.
void repeat(const Side& side, char* to, const char* from, int64_t n) {
  char value[8];
  if (side.conversion.count > 0) convert(side.conversion, value, from, 1);
  fillBlock(to, side.conversion.count > 0 ? value : from, side.bodyItem, n);
}
void writeRow(const Side& side, char* to, const char* from, int64_t step, int64_t n) {
  const Walk row{to, side.item, n, 1, false, {n}, {step}};
  if (side.conversion.count == 0) return scatter(row, from, 0, n);
  alignas(64) char raw[kStageBytes];
  convert(side.conversion, step == side.item ? to : raw, from, n);
  if (step != side.item) scatter(row, raw, 0, n);
}

/// Whether the body may run on memory `step` bytes an element.
bool inPlace(const Side& side, int64_t step) {
  return !side.isNumber && step == side.item && side.conversion.count == 0;
}

/// Writes n bytes, whole lines on both sides, past the caches, and asks for as many at each of `asked`.
void writePast(char* to, const char* from, int64_t n, const char* const (&asked)[kMaxInputs], int count) {
  using V = simd::Vec<int32_t>;
  for (int64_t line = 0; line < n; line += 64) {
    for (int j = 0; j < count; j++) __builtin_prefetch(asked[j] + line);
    for (int64_t i = line; i < line + 64; i += simd::kVecBytes)
      simd::storeStreaming(reinterpret_cast<int32_t*>(to + i),
                           simd::load<V>(reinterpret_cast<const int32_t*>(from + i)));
  }
}

/// Body over [begin, end) when the innermost axis is long: whole or partial rows.
void runRows(const Plan& p, int64_t begin, int64_t end, char (*stage)[kStageBytes]) {
  const int last = p.rank - 1;
  int64_t index[kMaxRank], rest = begin;
  for (int k = last; k >= 0; k--) {
    index[k] = k > 0 ? rest % p.shape[k] : rest;
    rest = k > 0 ? rest / p.shape[k] : 0;
  }
  bool staged = false;
  for (int j = 0; j < p.sides; j++) staged |= !inPlace(p.side[j], p.side[j].stride[last]);
  staged |= p.streams;
  const int64_t block = p.streams ? kPastBlock / p.side[0].item : p.block;
  const char* filled[1 + kMaxInputs] = {};
  for (int64_t i = begin; i < end;) {
    char* row[1 + kMaxInputs];
    for (int j = 0; j < p.sides; j++) {
      row[j] = p.side[j].data;
      for (int k = 0; k < last; k++) row[j] += index[k] * p.side[j].stride[k];
    }
    const int64_t stop = minOf(p.shape[last] - index[last], end - i);
    for (int64_t done = 0; done < stop;) {
      const int64_t n = staged ? minOf(block, stop - done) : stop;
      void* pointer[1 + kMaxInputs] = {};
      for (int j = 0; j < p.sides; j++) {
        const Side& side = p.side[j];
        char* here = row[j] + (index[last] + done) * side.stride[last];
        if (side.isNumber) {
          pointer[j] = stage[j];
        } else if (inPlace(side, side.stride[last]) && !(j == 0 && p.streams)) {
          pointer[j] = here;
        } else {
          pointer[j] = stage[j];
          if (j == 0) continue;
          if (side.stride[last] == 0) {
            if (filled[j] != here) repeat(side, stage[j], here, minOf(block, p.shape[last]));
            filled[j] = here;
          } else {
            readRow(side, stage[j], here, side.stride[last], n);
          }
        }
      }
      runBody(p, pointer, n);
      const Side& out = p.side[0];
      if (pointer[0] == stage[0]) {
        char* const to = row[0] + (index[last] + done) * out.stride[last];
        const int64_t whole = p.streams ? n * out.item / 64 * 64 : 0;
        if (whole > 0) {
          const char* asked[kMaxInputs];
          int count = 0;
          for (int j = 1; j < p.sides; j++)
            if (pointer[j] != stage[j] && p.side[j].item == out.item)
              asked[count++] = static_cast<const char*>(pointer[j]) + whole + kPastAhead;
          writePast(to, stage[0], whole, asked, count);
        }
        if (whole < n * out.item)
          writeRow(out, to + whole, stage[0] + whole, out.stride[last], n - whole / out.item);
      }
      done += n;
    }
    i += stop;
    index[last] = 0;
    for (int k = last - 1; k >= 0; k--) {
      if (++index[k] < p.shape[k]) break;
      index[k] = 0;
    }
  }
}

void readBlock(const Side& side, char* to, int64_t start, int64_t n) {
  if (side.conversion.count == 0) return gather(to, side.walk, start, n);
  if (side.walk.direct) return convert(side.conversion, to, side.walk.data + start * side.item, n);
  alignas(64) char raw[kStageBytes];
  gather(raw, side.walk, start, n);
  convert(side.conversion, to, raw, n);
}
void writeBlock(const Side& side, const char* from, int64_t start, int64_t n) {
  if (side.conversion.count == 0) return scatter(side.walk, from, start, n);
  if (side.walk.direct) return convert(side.conversion, side.walk.data + start * side.item, from, n);
  alignas(64) char raw[kStageBytes];
  convert(side.conversion, raw, from, n);
  scatter(side.walk, raw, start, n);
}

/// Body over [begin, end) in blocks that cross rows.
void runBlocks(const Plan& p, int64_t begin, int64_t end, char (*stage)[kStageBytes]) {
  for (int64_t i = begin; i < end; i += p.block) {
    const int64_t n = minOf(p.block, end - i);
    void* pointer[1 + kMaxInputs] = {};
    for (int j = 0; j < p.sides; j++) {
      const Side& side = p.side[j];
      if (!side.isNumber && side.walk.direct && side.conversion.count == 0) {
        pointer[j] = side.walk.data + i * side.item;
      } else {
        pointer[j] = stage[j];
        if (j > 0 && !side.isNumber) readBlock(side, stage[j], i, n);
      }
    }
    runBody(p, pointer, n);
    if (pointer[0] == stage[0]) writeBlock(p.side[0], stage[0], i, n);
  }
}

/// Whether all of the output is new, in one piece and too large to be found in a cache by whoever reads it.
bool streams(const Plan& p, const View& out, const Source* inputs, int count) {
  const Side& side = p.side[0];
  bool yes = p.rank == 1 && inPlace(side, side.stride[0]) && p.total * side.item >= simd::kStreamBytes &&
             reinterpret_cast<uintptr_t>(out.data) % 64 == 0;
  for (int j = 0; j < count; j++)
    yes = yes && (inputs[j].view == nullptr || inputs[j].view->data != out.data);
  return yes;
}

bool run(Stream& s, Plan& p, const View& out, const Source* inputs, int count, DType result) {
  p.sides = 1 + count;
  p.total = numel(out);
  int64_t widest = 1;
  for (int j = 0; j < p.sides; j++) {
    Side& side = p.side[j];
    const View* v = j == 0 ? &out : inputs[j - 1].view;
    if (v != nullptr &&
        !require(s, sameShape(*v, out), "elementwise: an input's shape differs from the output's"))
      return false;
    const DType dtype = j == 0 ? result : inputs[j - 1].dtype;
    side.bodyItem = itemBytes(dtype);
    side.conversion.count = 0;
    if (v != nullptr && v->dtype != dtype) {
      side.conversion = j == 0 ? conversionOf(dtype, v->dtype) : conversionOf(v->dtype, dtype);
      if (side.conversion.count > 0) widest = kStageBytes / kConvertBlock;
    }
    side.item = v == nullptr ? side.bodyItem : itemBytes(v->dtype);
    side.isNumber = v == nullptr;
    side.data = v == nullptr ? nullptr : static_cast<char*>(v->data);
    if (v == nullptr) numberBytes(side.number, dtype, inputs[j - 1].number);
    widest = maxOf(widest, maxOf(side.item, side.bodyItem));
  }
  if (p.total == 0) return true;
  p.block = kStageBytes / widest;
  plan(p, out, inputs);
  p.streams = streams(p, out, inputs, count);
  if (!p.rows) {
    for (int j = 0; j < p.sides; j++)
      p.side[j].walk = walkOf(p.side[j].data, p.side[j].item, p.rank, p.shape, p.side[j].stride);
  }
  if (s.native != nullptr) {  // the CPU has no stream of its own: a step is being captured
    take(p, s.native);
    return true;
  }
  const auto chunk = [&p](int64_t c) {
    const int64_t begin = c * kChunk, end = minOf(begin + kChunk, p.total);
    alignas(64) char stage[1 + kMaxInputs][kStageBytes];
    fillNumbers(p, end - begin, stage);
    runPlan(p, begin, end, stage);
    if (p.streams) simd::endStreaming();
  };
  if (p.total <= kChunk) chunk(0);
  else parallelSweep(s, ceilDiv(p.total, kChunk), chunk);
  return true;
}

}  // namespace

void fillNumbers(const Plan& p, int64_t n, char (*stage)[kStageBytes]) {
  for (int j = 1; j < p.sides; j++) {
    if (p.side[j].isNumber) fillBlock(stage[j], p.side[j].number, p.side[j].bodyItem, minOf(p.block, n));
  }
}

void runPlan(const Plan& p, int64_t begin, int64_t end, char (*stage)[kStageBytes]) {
  if (p.rows) runRows(p, begin, end, stage);
  else runBlocks(p, begin, end, stage);
}

bool runElementwise(Stream& s, const View& out, const Source* inputs, int count, Body body, DType result) {
  Plan p;
  p.body = body;
  p.bodyWith = nullptr;
  return run(s, p, out, inputs, count, result);
}

bool runElementwise(Stream& s, const View& out, const Source* inputs, int count, BodyWith body,
                    const double (&numbers)[kMaxNumbers], DType result) {
  Plan p;
  p.bodyWith = body;
  for (int i = 0; i < kMaxNumbers; i++) p.numbers[i] = numbers[i];
  return run(s, p, out, inputs, count, result);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
