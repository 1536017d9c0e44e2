// Tensor copies: tiles and im2col boxes, with the permutations of shared memory that wgmma reads.
#include <cstring>

#include "engine.h"
#include "matrix.h"

namespace wg::emu {
namespace {

template <class T>
void addPlain(char* to, const char* from) {
  T a, b;
  std::memcpy(&a, to, sizeof a);
  std::memcpy(&b, from, sizeof b);
  a = static_cast<T>(a + b);
  std::memcpy(to, &a, sizeof a);
}
template <float (*value)(uint16_t), uint16_t (*bits)(float)>
void add16(char* to, const char* from) {
  uint16_t a, b;
  std::memcpy(&a, to, 2);
  std::memcpy(&b, from, 2);
  a = bits(value(a) + value(b));
  std::memcpy(to, &a, 2);
}
void add(Element element, char* to, const char* from) {
  switch (element) {
    case Element::u8:
      return addPlain<uint8_t>(to, from);
    case Element::f16:
      return add16<f16Value, f16Bits>(to, from);
    case Element::bf16:
      return add16<bf16Value, bf16Bits>(to, from);
    case Element::f32:
      return addPlain<float>(to, from);
    case Element::i32:
      return addPlain<uint32_t>(to, from);
  }
}

/// Calls f(offset in shared memory, element in global memory or null when it lies outside the tensor) for
/// every element of a piece; the offset is before swizzling.
template <class F>
void eachOfRow(const TensorMap& map, int64_t first, int count, char* row, uint32_t offset, F f) {
  const int bytes = bytesOf(map.element);
  for (int i = 0; i < count; i++) {
    const int64_t x = first + i;
    const bool inside = row && x >= 0 && x < map.size[0];
    f(offset + static_cast<uint32_t>(i * bytes), inside ? row + x * bytes : nullptr);
  }
}

template <class F>
void eachOfTile(const TensorMap& map, const int32_t* at, uint32_t offset, F f) {
  const auto rowBytes = static_cast<uint32_t>(map.box[0] * bytesOf(map.element));
  int32_t index[5] = {};
  for (;; offset += rowBytes) {
    char* row = static_cast<char*>(map.base);
    for (int a = 1; a < map.rank && row; a++) {
      const int64_t x = int64_t{at[a]} + index[a];
      row = x >= 0 && x < map.size[a] ? row + x * map.stride[a] : nullptr;
    }
    eachOfRow(map, at[0], map.box[0], row, offset, f);
    int a = 1;
    while (a < map.rank && ++index[a] == map.box[a]) index[a++] = 0;
    if (a >= map.rank) return;
  }
}

/// Pixels from the box one after the other, each seen from where the filter's tap lies.
template <class F>
void eachOfPixels(const TensorMap& map, const int32_t* at, const uint16_t* tap, uint32_t offset, F f) {
  const auto rowBytes = static_cast<uint32_t>(map.channels * bytesOf(map.element));
  const int axes = map.rank - 2, images = map.rank - 1;
  int64_t x[5] = {};
  for (int a = 0; a < map.rank; a++) x[a] = at[a];
  for (int p = 0; p < map.pixels; p++, offset += rowBytes) {
    char* row = static_cast<char*>(map.base);
    for (int a = 1; a < map.rank && row; a++) {
      const int64_t at = x[a] + (a <= axes ? tap[a - 1] : 0);
      row = at >= 0 && at < map.size[a] ? row + at * map.stride[a] : nullptr;
    }
    eachOfRow(map, x[0], map.channels, row, offset, f);
    int a = 1;
    for (; a <= axes; a++) {
      x[a] += map.step[a - 1];
      if (x[a] < map.size[a] + map.upper[a - 1]) break;
      x[a] = map.lower[a - 1];
    }
    if (a > axes) x[images]++;
  }
}

int64_t bytesOfPiece(const TensorMap& map) {
  int64_t n = bytesOf(map.element);
  if (map.im2col) return n * map.channels * map.pixels;
  for (int a = 0; a < map.rank; a++) n *= map.box[a];
  return n;
}

uint32_t checkedAddress(const TensorMap& map, const void* p, Place place) {
  const size_t alignment = map.swizzle == Swizzle::none ? 128 : size_t{128} << static_cast<int>(map.swizzle);
  const uint32_t address = sharedAddress(p, static_cast<size_t>(bytesOfPiece(map)), place);
  if (address % alignment)
    fail(place, "a tensor copy at shared address %u, which is not %zu-byte aligned", address, alignment);
  if (const char* reason = refusal(map)) fail(place, "a tensor map with %s", reason);
  return address;
}

}  // namespace

const char* refusal(const TensorMap& map) {
  const int64_t bytes = bytesOf(map.element);
  if (map.rank < 1 || map.rank > 5) return "a rank that is not 1 to 5";
  if (reinterpret_cast<uintptr_t>(map.base) % 16) return "a base that is not 16-byte aligned";
  for (int a = 0; a < map.rank; a++)
    if (map.size[a] < 1 || map.size[a] > int64_t{1} << 32) return "a size that is not 1 to 2^32";
  for (int a = 1; a < map.rank; a++)
    if (map.stride[a] % 16 || map.stride[a] < 0 || map.stride[a] >= int64_t{1} << 40)
      return "a stride that is not a multiple of 16 bytes below 2^40";
  int64_t inner = 0;
  if (map.im2col) {
    if (map.rank < 3) return "im2col and a rank below 3";
    if (map.channels < 1 || map.channels > 256 || map.pixels < 1 || map.pixels > 1024)
      return "more than 256 channels or 1024 pixels";
    inner = map.channels * bytes;
  } else {
    for (int a = 0; a < map.rank; a++)
      if (map.box[a] < 1 || map.box[a] > 256) return "a box that is not 1 to 256 wide";
    inner = map.box[0] * bytes;
  }
  if (inner % 16) return "an inner extent that is not a multiple of 16 bytes";
  if (map.swizzle != Swizzle::none && inner > 16 << static_cast<int>(map.swizzle))
    return "an inner extent larger than what is swizzled";
  return nullptr;
}

void tensorLoad(void* to, const TensorMap& map, uint64_t* barrier, const int32_t* at, const uint16_t* offsets,
                uint16_t mask, Place place) {
  Machine& m = Machine::here();
  const uint32_t address = checkedAddress(map, to, place);
  sharedAddress(barrier, 8, place);
  if (map.im2col != (offsets != nullptr))
    fail(place, "a tensor map for tiles used for im2col, or the reverse");
  Transfer t;
  t.barrier = barrier;
  t.tensor = true;
  t.map = map;
  t.to = static_cast<char*>(to);
  std::copy(at, at + map.rank, t.at);
  if (offsets) std::copy(offsets, offsets + map.rank - 2, t.offsets);
  t.mask = mask ? mask : static_cast<uint16_t>(1u << current->block->rank);
  if (t.mask >> m.residentCount())
    fail(place, "a multicast to block %d of a cluster of %d", 31 - __builtin_clz(t.mask), m.residentCount());
  if (m.schedule().async == Async::late)
    for (int r = 0; r < m.residentCount(); r++)
      if (t.mask >> r & 1)
        std::memset(m.shared().arena(r) + address, 0xff, static_cast<size_t>(bytesOfPiece(map)));
  m.engine().add(std::move(t));
}

/// Does the copy and tells the barriers.
void Engine::finish(const Transfer& t) {
  if (!t.tensor) {
    for (const Copy& copy : t.copies) copy.run();
    return mbarrierArrive(t.barrier, 0, Place());
  }
  SharedMemory& shared = machine_.shared();
  const int home = shared.blockOf(t.to);
  const auto address = static_cast<uint32_t>(t.to - shared.arena(home));
  const ptrdiff_t barrier = reinterpret_cast<char*>(t.barrier) - shared.arena(home);
  const auto bytes = static_cast<size_t>(bytesOf(t.map.element));
  for (int r = 0; r < machine_.residentCount(); r++) {
    if (!(t.mask >> r & 1)) continue;
    char* arena = shared.arena(r);
    const auto put = [&](uint32_t offset, const char* from) {
      char* to = arena + swizzled(offset, t.map.swizzle);
      if (from) std::memcpy(to, from, bytes);
      else std::memset(to, 0, bytes);
    };
    if (t.map.im2col) eachOfPixels(t.map, t.at, t.offsets, address, put);
    else eachOfTile(t.map, t.at, address, put);
    auto* word = reinterpret_cast<uint64_t*>(arena + barrier);
    mbarrierExpect(word, -bytesOfPiece(t.map), Place());
    settle(word);
  }
}

void Store::run() const {
  SharedMemory& shared = Machine::here().shared();
  const char* arena = shared.arena(shared.blockOf(from));
  const auto bytes = static_cast<size_t>(bytesOf(map.element));
  eachOfTile(map, at, static_cast<uint32_t>(from - arena), [&](uint32_t offset, char* to) {
    if (!to) return;
    const char* value = arena + swizzled(offset, map.swizzle);
    if (add) emu::add(map.element, to, value);
    else std::memcpy(to, value, bytes);
  });
}

void tensorStore(const TensorMap& map, const void* from, const int32_t* at, bool add, Place place) {
  checkedAddress(map, from, place);
  if (map.im2col) fail(place, "a tensor map for im2col used for a store");
  Machine& m = Machine::here();
  Store store{map, static_cast<const char*>(from), {}, add};
  std::copy(at, at + map.rank, store.at);
  m.engine().inFlight().stores.items.push_back(store);
  if (m.schedule().async == Async::early) store.run();
}

void commitStores() { Machine::here().engine().inFlight().stores.commit(); }

void waitStores(int left) {
  Machine& m = Machine::here();
  m.engine().inFlight().stores.wait(left, m.schedule().async == Async::late);
}

}  // namespace wg::emu
