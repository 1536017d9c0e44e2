// What comes back from queues and is told to TypeScript: failures, completions, status words.
#include <cstring>
#include <new>

#include "environment.h"

namespace wg {
namespace {

// A loop that never yields must not fill the memory with reports.
constexpr size_t kMostFailures = 4096;

}  // namespace

void Environment::expectCompletion() {
  std::lock_guard lock(mutex_);
  completions_.reserve(completions_.size() + expected_ + 1);
  ++expected_;
}

uint32_t Environment::log(const FailureRecord& record, const Queue* queue) {
  const uint32_t id = ++failureCount_;
  {
    std::lock_guard lock(mutex_);
    try {
      if (failures_.size() < kMostFailures) {
        LoggedFailure& f = failures_.emplace_back();
        f.id = id;
        f.code = record.code;
        f.op = record.op;
        f.seq = record.seq;
        f.queue = queue->number;
        std::strncpy(f.message, record.message, sizeof f.message - 1);
        f.message[sizeof f.message - 1] = 0;
      }
    } catch (const std::bad_alloc&) {  // the tensor stays marked; only the words are lost
    }
  }
  wake_(context_);
  return id;
}

void Environment::complete(uint64_t id, const Failure& failure) {
  {
    std::lock_guard lock(mutex_);
    completions_.push_back({id, failure});
  }
  wake_(context_);
}

bool Environment::takeFailure(LoggedFailure& failure) {
  std::lock_guard lock(mutex_);
  if (failures_.empty()) return false;
  failure = failures_.front();
  failures_.erase(failures_.begin());
  return true;
}

bool Environment::takeCompletion(Completion& completion) {
  std::lock_guard lock(mutex_);
  if (completions_.empty()) return false;
  completion = completions_.front();
  completions_.erase(completions_.begin());
  --expected_;
  return true;
}

void Environment::report() {
  words_[kCrowdedQueue] = 0;
  for (auto& queue : queues_)
    if (queue->crowded()) words_[kCrowdedQueue] = queue->number + 1;
  words_[kFailuresLogged] = failureCount_.load();
  for (size_t d = 0; d < devices_.size() && kOtherBytes + d < kStatusWords; ++d) {
    size_t ours = slotBytes_[d];
    for (const Queue* queue : lanes_[d])
      if (queue) ours += queue->pool.freeBytes();
    const size_t used = devices_[d]->memory.used();
    words_[kOtherBytes + d] = used > ours ? static_cast<double>(used - ours) : 0;
  }
}

}  // namespace wg
