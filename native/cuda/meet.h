// Many rows of a source meet rows of a target, several of them the same one: scatter, adding at indices and
// adding into overlapping views. The rows are sorted by what they meet; whoever holds the first of equals
// takes them all, in the order of the source. So sums are the same in every run, and as the CPU's.
#pragma once
#include "gate.cuh"
#include "index_set.cuh"

namespace wg::cuda {

/// The first four are scatterReduce's numbers.
enum MeetRule : int32_t { kAdd, kMultiply, kLarger, kSmaller, kAssign };

struct Meeting {
  View target;      ///< [rows, inner...]: key k is row k of its first axes in row-major order
  View source;      ///< [rows, inner...]
  int targetRows;   ///< how many of target's axes are rows
  int sourceRows;   ///< and of the source's
  int64_t targets;  ///< keys are below it
  bool isNumber;    ///< the source is `number` everywhere; its view has shapes only
  double number;
  int32_t rule;
};

/// Bytes of scratch.
size_t meetBytes(const Meeting& m, bool smallKeys);

/// What a key is made of: the steps of the indices, and a fixed part for each position.
struct Naming {
  const View* indices;
  int count;
  int64_t size[kMaxRank], step[kMaxRank];
  bool negative;
  int first;   ///< number of the first axis indexed, for messages
  View still;  ///< of the indices' shape; its strides are what to add, `base` what to take off
  int64_t base;
};

/// Whether 32 bits reach all of it.
bool smallMeeting(const Meeting& m, const Naming& n);

/// Raises `cell` (index, axis, size) and writes nothing when an index is out of range.
void meet(Stream& s, const char* name, const Meeting& m, const Naming& n, ErrorCell* cell);

}  // namespace wg::cuda
