// Products of a warpgroup: 128 threads meet, operands come from registers or through matrix descriptors.
#include <bit>
#include <cstring>

#include "engine.h"
#include "matrix.h"

namespace wg::emu {
namespace {

constexpr int kRows = 64;

/// Brings the running thread to its warpgroup; act(group) runs once when all 128 are there.
template <class F>
void meetGroup(const Product* product, const char* operation, Place place, F act) {
  Machine& m = Machine::here();
  const int at = Machine::indexOf(*current), in = current->number & 127;
  if ((current->number & ~127) + 128 > m.blockThreads())
    fail(place, "%s: the block's last %d threads are no warpgroup", operation, m.blockThreads() & 127);
  // Blocks of a cluster begin at multiples of 32 threads, warpgroups at multiples of 128 of their block.
  Warpgroup& g =
      m.engine().warpgroup(current->block->rank * ((m.blockThreads() + 127) / 128) + current->number / 128);
  if (g.arrived == 0) {
    g.operation = operation;
    g.place = place;
  } else if (std::strcmp(operation, g.operation) != 0 || !samePlace(place, g.place)) {
    fail(place, "divergent warpgroup: this thread is in %s, others wait in %s at %s", operation, g.operation,
         describe(g.place).chars);
  }
  if (product) g.brought[in] = *product;
  if (++g.arrived < 128) {
    g.waiting[in >> 5] |= 1u << (in & 31);
    return m.park(operation, place);
  }
  g.arrived = 0;
  act(g);
  const int firstWarp = (at - in) >> 5;
  for (int w = 0; w < 4; w++) {
    if (g.waiting[w]) m.wake(firstWarp + w, g.waiting[w]);
    g.waiting[w] = 0;
  }
}

int depth(Product::Type type) { return type == Product::Type::tf32 ? 8 : 16; }

float valueAt(const char* p, Product::Type type) {
  if (type == Product::Type::tf32) {
    uint32_t bits;
    std::memcpy(&bits, p, 4);
    return tf32Value(bits);
  }
  uint16_t bits;
  std::memcpy(&bits, p, 2);
  return type == Product::Type::bf16 ? bf16Value(bits) : f16Value(bits);
}

/// A matrix in shared memory as its descriptor tells: the layouts of PTX, "Shared memory matrix layout".
struct Operand {
  uint32_t start, leading, stride;
  Swizzle swizzle;
  bool rowsContiguous;
  int bytes;

  Operand(uint64_t descriptor, bool transpose, Product::Type type)
      : start(static_cast<uint32_t>(descriptor & 0x3fff) << 4),
        leading(static_cast<uint32_t>(descriptor >> 16 & 0x3fff) << 4),
        stride(static_cast<uint32_t>(descriptor >> 32 & 0x3fff) << 4),
        rowsContiguous(transpose),
        bytes(type == Product::Type::tf32 ? 4 : 2) {
    constexpr Swizzle modes[] = {Swizzle::none, Swizzle::bytes128, Swizzle::bytes64, Swizzle::bytes32};
    swizzle = modes[descriptor >> 62];
  }

  /// Where the element of row r (of A, column of B) and depth k lies.
  uint32_t operator()(int r, int k) const {
    const auto row = static_cast<uint32_t>(r), deep = static_cast<uint32_t>(k);
    const uint32_t wide = 1u << static_cast<int>(swizzle);  // pieces of 16 bytes in a row of the pattern
    uint32_t at = start;
    if (!rowsContiguous) {
      const uint32_t byte = deep * static_cast<uint32_t>(bytes), piece = byte / 16;
      at += row % 8 * wide * 16 + row / 8 * stride + byte % 16;
      at += swizzle == Swizzle::none ? piece * leading : piece * 16;
    } else {
      const uint32_t piece = row / 8;
      at += row % 8 * 2 + deep % 8 * wide * 16;
      if (swizzle == Swizzle::none) at += piece * stride + deep / 8 * leading;
      else at += piece % wide * 16 + piece / wide * leading + deep / 8 * stride;
    }
    return swizzled(at, swizzle);
  }
};

typedef float Floats __attribute__((vector_size(16)));

}  // namespace

void Warpgroup::Issued::run(const char* shared) const {
  const Product& p = product;
  const int k = depth(p.type), n = p.columns;
  alignas(16) float a[kRows][16], b[16][256];
  if (p.a) {
    for (int t = 0; t < 128; t++) {
      const int row = t / 32 * 16 + t % 32 / 4, quad = t % 4;
      for (int i = 0; i < 4; i++) {
        const int r = row + i % 2 * 8;
        if (p.type == Product::Type::tf32) {
          a[r][quad + i / 2 * 4] = tf32Value(this->a[t][i]);
        } else {
          const auto low = static_cast<uint16_t>(this->a[t][i]),
                     high = static_cast<uint16_t>(this->a[t][i] >> 16);
          const bool bf16 = p.type == Product::Type::bf16;
          a[r][quad * 2 + i / 2 * 8] = bf16 ? bf16Value(low) : f16Value(low);
          a[r][quad * 2 + i / 2 * 8 + 1] = bf16 ? bf16Value(high) : f16Value(high);
        }
      }
    }
  } else {
    const Operand where(p.descriptorA, p.transposeA, p.type);
    for (int r = 0; r < kRows; r++)
      for (int i = 0; i < k; i++) a[r][i] = valueAt(shared + where(r, i), p.type);
  }
  const Operand where(p.descriptorB, p.transposeB, p.type);
  for (int c = 0; c < n; c++)
    for (int i = 0; i < k; i++) b[i][c] = valueAt(shared + where(c, i), p.type);
  for (int r = 0; r < kRows; r += 4)
    for (int c = 0; c < n; c += 4) {
      Floats sums[4] = {};  // four rows share what is loaded of b
      for (int i = 0; i < k; i++) {
        const Floats right = *reinterpret_cast<const Floats*>(&b[i][c]);
        for (int e = 0; e < 4; e++) sums[e] += a[r + e][i] * right;
      }
      for (int e = 0; e < 4; e++) {
        const int row = r + e, thread = row / 16 * 32 + row % 8 * 4 + c % 8 / 2;
        for (int half = 0; half < 2; half++) {
          float* out = &d[thread + half][c / 8 * 4 + row % 16 / 8 * 2];
          for (int x = 0; x < 2; x++) {
            const float sum = sums[e][2 * half + x];
            out[x] = p.accumulate ? out[x] + sum : sum;
          }
        }
      }
    }
}

void wgmmaFence(Place place) {
  meetGroup(nullptr, "wgmmaFence", place, [](Warpgroup& g) { g.fenced = true; });
}

void wgmma(const Product& product, Place place) {
  meetGroup(&product, "wgmma", place, [&](Warpgroup& g) {
    if (!g.fenced) fail(place, "wgmma without a wgmmaFence before it: registers may not be there yet");
    Warpgroup::Issued issued;
    issued.product = g.brought[0];
    issued.group = g.committed;
    for (int t = 0; t < 128; t++) {
      const Product& p = g.brought[t];
      if (p.descriptorA != product.descriptorA || p.descriptorB != product.descriptorB ||
          p.accumulate != product.accumulate)
        fail(place, "wgmma: descriptors or scale differ inside the warpgroup");
      issued.d[t] = p.d;
      if (p.a) std::memcpy(issued.a[t], p.a, sizeof issued.a[t]);
    }
    if (Machine::here().schedule().async == Async::early) {
      issued.run(current->block->shared);
    } else if (!product.accumulate) {
      for (float* d : issued.d) std::memset(d, 0xff, static_cast<size_t>(product.columns) * 2);
    }
    g.issued.push_back(issued);
  });
}

void wgmmaCommit(Place place) {
  meetGroup(nullptr, "wgmmaCommit", place, [](Warpgroup& g) { g.committed++; });
}

void wgmmaWait(int left, Place place) {
  meetGroup(nullptr, "wgmmaWait", place, [&](Warpgroup& g) {
    const bool late = Machine::here().schedule().async == Async::late;
    size_t over = 0;
    for (; over < g.issued.size() && g.issued[over].group < g.committed - left; over++)
      if (late) g.issued[over].run(current->block->shared);
    g.issued.erase(g.issued.begin(), g.issued.begin() + static_cast<ptrdiff_t>(over));
    if (left == 0) g.fenced = false;
  });
}

}  // namespace wg::emu
