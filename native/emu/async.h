// What runs beside the threads: copies into and out of shared memory, the barriers that count their bytes,
// matrix products of warpgroups, and the barrier of a cluster. Wrappers of native/cuda/wg alone call these.
#pragma once
#include "simt.h"

namespace wg::emu {

// ---- copies of one thread -------------------------------------------------------------------------------

/// `bytes` (4, 8 or 16) from global to shared memory: `valid` of them, then zeros.
void copyAsync(void* to, const void* from, int bytes, int valid, Place place);
/// Ends a group of copies.
void commitCopies();
/// Until no more than `left` of this thread's groups are in flight.
void waitCopies(int left);

// ---- barriers in shared memory --------------------------------------------------------------------------

void mbarrierInit(uint64_t* word, int count, Place place);
/// One arrival, and `bytes` more to come before the phase ends.
void mbarrierArrive(uint64_t* word, int64_t bytes, Place place);
/// Bytes to come, and no arrival.
void mbarrierExpect(uint64_t* word, int64_t bytes, Place place);
/// Whether the phase of this parity has ended; lets others run when it has not.
bool mbarrierTry(const uint64_t* word, int parity, Place place);
void mbarrierWait(const uint64_t* word, int parity, Place place);
/// Arrives when the copies that this thread has issued are done.
void mbarrierArriveAfterCopies(uint64_t* word, Place place);

// ---- tensor copies --------------------------------------------------------------------------------------

/// How 16-byte pieces of shared memory are permuted: the number of address bits that change.
enum class Swizzle : uint8_t { none, bytes32, bytes64, bytes128 };
inline uint32_t swizzled(uint32_t address, Swizzle mode) {
  const uint32_t mask = (1u << static_cast<int>(mode)) - 1;
  return address ^ (((address >> 7) & mask) << 4);
}

enum class Element : uint8_t { u8, f16, bf16, f32, i32 };
constexpr int bytesOf(Element e) {
  return e == Element::u8 ? 1 : e == Element::f16 || e == Element::bf16 ? 2 : 4;
}

/// A tensor in global memory, and the piece of it that one copy moves. Axis 0 is the innermost.
struct TensorMap {
  void* base;
  Element element;
  Swizzle swizzle;
  uint8_t rank;
  bool im2col;
  int64_t size[5];
  int64_t stride[5];  ///< in bytes; stride[0] is the element's size
  int32_t box[5];     ///< tiled
  // im2col: axis 0 has the channels, the last axis the images, those between the pixels.
  int32_t lower[3], upper[3];  ///< the corners of the box that pixels are taken from, from the tensor's own
  int32_t step[3];             ///< from pixel to pixel
  int32_t channels, pixels;    ///< of one copy
};
/// "" or why CUDA would not make such a map.
const char* refusal(const TensorMap& map);

/// `mask`: the blocks of the cluster that get a copy, a bit a rank; 0: this block.
void tensorLoad(void* to, const TensorMap& map, uint64_t* barrier, const int32_t* at, const uint16_t* offsets,
                uint16_t mask, Place place);
void tensorStore(const TensorMap& map, const void* from, const int32_t* at, bool add, Place place);
void commitStores();
/// Until no more than `left` groups of this thread's stores are in flight.
void waitStores(int left);

// ---- matrix products of a warpgroup ---------------------------------------------------------------------

struct Product {
  enum class Type : uint8_t { bf16, f16, tf32 };
  Type type;
  bool transposeA, transposeB;  ///< whether the operand's rows (A) or columns (B) are contiguous
  bool accumulate;
  int columns;
  float* d;           ///< of this thread: columns / 2 values
  const uint32_t* a;  ///< registers, or null when `descriptorA` says where
  uint64_t descriptorA, descriptorB;
};
void wgmmaFence(Place place);
void wgmma(const Product& product, Place place);
void wgmmaCommit(Place place);
void wgmmaWait(int left, Place place);

// ---- clusters -------------------------------------------------------------------------------------------

void clusterArrive(Place place);
void clusterWait(Place place);
/// Where `p` lies in the shared memory of another block of the cluster.
void* clusterMap(const void* p, int rank, Place place);

}  // namespace wg::emu
