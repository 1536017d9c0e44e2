#include "allocator.h"

#include <bit>
#include <new>

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
  for (Block* block : borrowed_) {
    block->pool = lender_;
    block->count = block->fixed = 0;
    lender_->put(block);
  }
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
  all_.reserve(all_.size() + 1 > all_.capacity() ? all_.capacity() * 2 + 64 : all_.capacity());
  unused_.reserve(all_.capacity());
  auto* block = new Block;
  all_.push_back(block);
  return block;
}

/// Room for every block of a class to be free, made where failing is harmless.
void Pool::makeRoom(size_t rounded) {
  auto& list = free_[static_cast<size_t>(sizeClass(rounded))];
  if (list.capacity() < all_.size() + borrowed_.size()) list.reserve(all_.capacity() + borrowed_.capacity());
}

Block* Pool::fresh(size_t rounded) noexcept {
  Block* block = borrow(rounded);
  if (block) return block;
  try {
    block = unusedBlock();
    makeRoom(rounded);
    block->data = memory_.take(rounded);
  } catch (const std::bad_alloc&) {
  }
  if (!block) return nullptr;
  if (!block->data) {
    unused_.push_back(block);
    return nullptr;
  }
  freshBytes_ += rounded;
  block->bytes = rounded;
  block->pool = this;
  block->count = 1;
  return block;
}

/// A free block of the lender's, until this pool's end: the same Block, since queued commands may still use
/// it and leave their failures in it. Who takes it does not wait for the other queue, so what was used there
/// stays.
Block* Pool::borrow(size_t rounded) noexcept {
  if (!lender_) return nullptr;
  auto& list = lender_->free_[static_cast<size_t>(sizeClass(rounded))];
  if (list.empty() || list.back()->lastUse[1 - lane_]) return nullptr;
  Block* block = list.back();
  const size_t count = borrowed_.size();
  try {
    borrowed_.push_back(block);
    makeRoom(rounded);
  } catch (const std::bad_alloc&) {
    borrowed_.resize(count);
    return nullptr;
  }
  list.pop_back();
  block->pool = this;
  return lender_->reuse(block);
}

void Pool::put(Block* block) noexcept {
  freeBytes_ += block->bytes;
  free_[static_cast<size_t>(sizeClass(block->bytes))].push_back(block);  // there is room: see makeRoom()
}

void Pool::discard(Block* block) {
  memory_.give(block->data, block->bytes);
  freeBytes_ -= block->bytes;
  block->data = nullptr;
  unused_.push_back(block);
}

}  // namespace wg
