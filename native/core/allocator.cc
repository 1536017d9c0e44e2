#include "allocator.h"

#include <bit>
#include <new>
#include <utility>

namespace wg {

int sizeClass(size_t rounded) {
  // Class = position in the series 64, 128, …, 1024, then eight steps per doubling.
  if (rounded <= 1024) return static_cast<int>(rounded / 64) - 1;
  const int log = static_cast<int>(std::bit_width(rounded - 1)) - 1;  // 2^log < rounded <= 2^(log+1)
  const size_t step = size_t{1} << (log - 3);
  return 16 + (log - 10) * 8 + static_cast<int>((rounded - (size_t{1} << log)) / step) - 1;
}

DeviceMemory::DeviceMemory(const Backend& backend, int32_t device)
    : backend_(backend), device_(device), limit_(SIZE_MAX) {
  if (backend.deviceInfo(device, &info_) == 0 && info_.memoryBytes > 0)
    limit_ = static_cast<size_t>(info_.memoryBytes);
}

void* DeviceMemory::take(size_t bytes) {
  std::lock_guard lock(mutex_);
  auto& list = free_[static_cast<size_t>(sizeClass(bytes))];
  void* data = nullptr;
  if (!list.empty()) {
    data = list.back();
    list.pop_back();
    cached_ -= bytes;
  } else {
    if (used_ + cached_ + bytes > limit_) trimLocked();
    if (used_ + bytes > limit_) return nullptr;
    data = backend_.allocate(device_, bytes);
    if (!data) {
      trimLocked();
      data = backend_.allocate(device_, bytes);
    }
    if (!data) return nullptr;
  }
  const size_t used = used_ += bytes;
  if (used > peak_) peak_ = used;
  return data;
}

void DeviceMemory::give(void* data, size_t bytes) noexcept {
  std::lock_guard lock(mutex_);
  used_ -= bytes;
  try {
    free_[static_cast<size_t>(sizeClass(bytes))].push_back(data);
    cached_ += bytes;
  } catch (...) {  // no room to remember it
    backend_.release(device_, data, bytes);
  }
}

void DeviceMemory::trim() {
  std::lock_guard lock(mutex_);
  trimLocked();
}

void DeviceMemory::trimLocked() {
  for (int c = 0; c < kSizeClasses; ++c) {
    auto& list = free_[static_cast<size_t>(c)];
    if (list.empty()) continue;
    size_t bytes;
    if (c < 16) bytes = static_cast<size_t>(c + 1) * 64;
    else {
      const int log = 10 + (c - 16) / 8;
      bytes = (size_t{1} << log) + static_cast<size_t>((c - 16) % 8 + 1) * (size_t{1} << (log - 3));
    }
    for (void* data : list) backend_.release(device_, data, bytes);
    cached_ -= bytes * list.size();
    list.clear();
  }
}

Pool::~Pool() {
  for (Block* block : all_) {
    if (block->data && block->pool == this) memory_.give(block->data, block->bytes);
    delete block;
  }
}

Block* Pool::get(size_t bytes) noexcept {
  const size_t rounded = roundedSize(bytes);
  auto& list = free_[static_cast<size_t>(sizeClass(rounded))];
  if (list.empty()) return fresh(rounded);
  Block* block = list.back();
  list.pop_back();
  return reuse(block);
}

Block* Pool::reuse(Block* block) {
  block->count = 1;
  freeBytes_ -= block->bytes;
  return block;
}

Block* Pool::unusedBlock() {
  if (!unused_.empty()) {
    Block* block = unused_.back();
    unused_.pop_back();
    *block = Block{};
    return block;
  }
  // Room for every list the block may ever enter is made here and in fresh(), where failing is harmless.
  all_.reserve(all_.size() + 1 > all_.capacity() ? all_.capacity() * 2 + 64 : all_.capacity());
  unused_.reserve(all_.capacity());
  auto* block = new Block;
  all_.push_back(block);
  return block;
}

Block* Pool::fresh(size_t rounded) noexcept {
  Block* block = nullptr;
  try {
    block = unusedBlock();
    auto& list = free_[static_cast<size_t>(sizeClass(rounded))];
    if (list.capacity() < all_.size()) list.reserve(all_.capacity());
    if (!lender_ || !lender_->lend(rounded, lane_, *block)) {
      block->data = memory_.take(rounded);
      if (block->data) freshBytes_ += rounded;
    }
  } catch (const std::bad_alloc&) {
  }
  if (!block) return nullptr;
  if (!block->data) {
    unused_.push_back(block);
    return nullptr;
  }
  block->bytes = rounded;
  block->pool = this;
  block->count = 1;
  return block;
}

/// Hands over the memory of a free block, and when it was used last. Who takes it does not wait for the other
/// queue, so a block that was used there stays here.
bool Pool::lend(size_t rounded, int32_t lane, Block& to) noexcept {
  auto& list = free_[static_cast<size_t>(sizeClass(rounded))];
  if (list.empty()) return false;
  Block* from = list.back();
  if (from->lastUse[1 - lane]) return false;
  list.pop_back();
  freeBytes_ -= from->bytes;
  to.data = std::exchange(from->data, nullptr);
  to.lastUse[lane] = from->lastUse[lane];
  unused_.push_back(from);
  return true;
}

void Pool::put(Block* block) noexcept {
  freeBytes_ += block->bytes;
  free_[static_cast<size_t>(sizeClass(block->bytes))].push_back(block);  // capacity was reserved in fresh()
}

void Pool::discard(Block* block) {
  memory_.give(block->data, block->bytes);
  freeBytes_ -= block->bytes;
  block->data = nullptr;
  unused_.push_back(block);
}

}  // namespace wg
