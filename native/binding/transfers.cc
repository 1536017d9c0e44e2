// Bytes between JavaScript and blocks: reads (views or copies), uploads, writes, borrows.
#include <cstring>
#include <utility>

#include "binding.h"

namespace wg {
namespace {

struct Bytes {
  char* data;
  size_t bytes;
};

/// The bytes [offset, offset + length) of an ArrayBuffer argument.
Bytes bytesOf(const Napi::CallbackInfo& info, size_t i, size_t offset, size_t length) {
  if (!info[i].IsArrayBuffer()) throwError(info.Env(), "ERR_ARGUMENT", "wanted an ArrayBuffer");
  auto array = info[i].As<Napi::ArrayBuffer>();
  const size_t all = array.ByteLength();
  if (offset > all || length > all - offset)
    throwError(info.Env(), "ERR_BOUNDS", "bytes reach outside their ArrayBuffer");
  return {static_cast<char*>(array.Data()) + offset, length};
}

Slot& slotOf(const Napi::CallbackInfo& info, size_t i) {
  Slot* slot = addonOf(info.Env())
                   .environment.slot(static_cast<uint32_t>(integer(info, i)),
                                     static_cast<uint32_t>(integer(info, i + 1)));
  if (!slot) throwError(info.Env(), "ERR_DISPOSED", "the tensor's storage was already freed");
  return *slot;
}

void decodeOrThrow(const Napi::CallbackInfo& info, Addon& addon) {
  if (!addon.environment.decode(size(info, 0)))
    throwError(info.Env(), "ERR_ARGUMENT", "the command buffer holds a broken record");
}

void dropSnapshot(Addon& addon, Block* block) {
  Environment& environment = addon.environment;
  --block->snapshots;
  environment.release(block);
  --environment.externals;
  if (!environment.closed) return environment.publish();
  if (environment.externals == 0) delete &addon;
}

/// A view of the block's bytes that holds the block until it is collected or detached; a copy where the
/// runtime forbids it.
Napi::Value viewOf(Napi::Env env, Addon& addon, Block& block, size_t offset, size_t bytes) {
  char* data = static_cast<char*>(block.data) + offset;
  struct Held {
    Addon* addon;
    Block* block;
  };
  // Without memory for the record that lets the block go again, the caller gets a copy as well.
  auto* held = addon.externalBuffers ? new (std::nothrow) Held{&addon, &block} : nullptr;
  if (held) {
    napi_value value;
    const napi_status status = napi_create_external_arraybuffer(
        env, data, bytes,
        [](napi_env, void*, void* hint) {
          auto* h = static_cast<Held*>(hint);
          dropSnapshot(*h->addon, h->block);
          delete h;
        },
        held, &value);
    if (status == napi_ok) {
      ++block.snapshots;
      ++block.count;
      ++addon.environment.externals;
      return {env, value};
    }
    delete held;
    if (status == napi_no_external_buffers_allowed) addon.externalBuffers = false;
  }
  auto copy = Napi::ArrayBuffer::New(env, bytes);
  std::memcpy(copy.Data(), data, bytes);
  return copy;
}

void reportFailure(Environment& environment, const Failure& failure) {
  environment.words()[kReadRoot] = failure.root;
  environment.words()[kReadOp] = failure.op;
  environment.words()[kReadSeq] = static_cast<double>(failure.seq);
}

/// read(end, workNs, index, generation, offset, bytes, view, id) → ArrayBuffer | null (comes later under
/// `id`) | false (the tensor failed: see the status words)
Napi::Value read(const Napi::CallbackInfo& info) {
  Addon& addon = addonOf(info.Env());
  Environment& environment = addon.environment;
  decodeOrThrow(info, addon);
  Slot& slot = slotOf(info, 2);
  const size_t offset = size(info, 4), bytes = size(info, 5);
  if (offset > slot.bytes || bytes > slot.bytes - offset)
    throwError(info.Env(), "ERR_BOUNDS", "read reaches outside the storage");
  Queue& queue = *environment.queue(slot.queue);
  const bool reachable = queue.device.memory.hostAccessible();
  const bool view =
      reachable && info[6].ToBoolean() && !(slot.block && slot.block->fixed) && addon.externalBuffers;
  environment.runOrPublish(info[1].As<Napi::Number>().DoubleValue(), Environment::kInlineReadNs);
  if (!slot.block) {
    environment.report();
    reportFailure(environment, {slot.failure, -1, 0});
    return Napi::Boolean::New(info.Env(), false);
  }
  Block& block = *slot.block;
  const bool done = environment.isDone(block), failed = done && block.failure.root && !slot.fresh;
  if (done && (reachable || failed)) {
    environment.report();
    if (failed) {
      reportFailure(environment, block.failure);
      return Napi::Boolean::New(info.Env(), false);
    }
    if (view) return viewOf(info.Env(), addon, block, offset, bytes);
    auto copy = Napi::ArrayBuffer::New(info.Env(), bytes);
    std::memcpy(copy.Data(), static_cast<char*>(block.data) + offset, bytes);
    return copy;
  }
  const auto id = static_cast<uint64_t>(integer(info, 7));
  environment.expectCompletion();
  PendingRead pending{&block, offset, bytes, {}};
  if (!view) pending.copy = Napi::Persistent(Napi::ArrayBuffer::New(info.Env(), bytes));
  void* to = view ? nullptr : pending.copy.Value().Data();
  addon.reads.emplace(id, std::move(pending));
  // From here on nothing fails.
  ++block.count;
  if (view) {
    ++block.snapshots;  // what is asked for now must not change until it is seen
    environment.fence(queue, id, &block);
  } else {
    environment.copyOut(queue, block, offset, to, bytes, id);
  }
  environment.publish();
  environment.report();
  return info.Env().Null();
}

/// readSync(end, workNs, index, generation, offset, ArrayBuffer) → true | null (not yet: call again) | false
/// (failed)
Napi::Value readSync(const Napi::CallbackInfo& info) {
  Addon& addon = addonOf(info.Env());
  Environment& environment = addon.environment;
  decodeOrThrow(info, addon);
  Slot& slot = slotOf(info, 2);
  const size_t offset = size(info, 4);
  const Bytes to =
      bytesOf(info, 5, 0, info[5].IsArrayBuffer() ? info[5].As<Napi::ArrayBuffer>().ByteLength() : 0);
  if (offset > slot.bytes || to.bytes > slot.bytes - offset)
    throwError(info.Env(), "ERR_BOUNDS", "read reaches outside the storage");
  environment.runOrPublish(info[1].As<Napi::Number>().DoubleValue(), Environment::kInlineReadNs);
  bool done = true;
  if (slot.block && !environment.isDone(*slot.block))
    for (size_t i = 0; i < environment.queueCount() && done; ++i) {
      Queue& queue = *environment.queue(static_cast<int64_t>(i));
      if (queue.deviceNumber == slot.block->device) done = queue.wait(slot.block->lastUse[queue.lane]);
    }
  environment.report();
  if (!done) return info.Env().Null();
  const Failure failure =
      slot.block ? (slot.fresh ? Failure{} : slot.block->failure) : Failure{slot.failure, -1, 0};
  if (failure.root) {
    reportFailure(environment, failure);
    return Napi::Boolean::New(info.Env(), false);
  }
  const Device& device = environment.queue(slot.queue)->device;
  const char* from = static_cast<char*>(slot.block->data) + offset;
  if (!device.backend.read) {
    if (to.bytes) std::memcpy(to.data, from, to.bytes);
  } else if (device.backend.read(device.memory.index(), to.data, from, to.bytes) != 0) {
    throwError(info.Env(), "ERR_DEVICE_LOST", "the device does not answer any more");
  }
  return Napi::Boolean::New(info.Env(), true);
}

/// upload(end, queue, index, generation, ArrayBuffer, offset, bytes) → false: no memory
Napi::Value upload(const Napi::CallbackInfo& info) {
  Addon& addon = addonOf(info.Env());
  Environment& environment = addon.environment;
  decodeOrThrow(info, addon);
  environment.publish();
  Queue* queue = environment.queue(integer(info, 1));
  if (!queue) throwError(info.Env(), "ERR_DEVICE", "no such queue");
  const Bytes from = bytesOf(info, 4, size(info, 5), size(info, 6));
  const auto index = static_cast<uint32_t>(integer(info, 2)),
             generation = static_cast<uint32_t>(integer(info, 3));
  const auto isDone = [&](const Block& block) { return environment.isDone(block); };
  Block* block = queue->pool.getIdle(from.bytes, isDone);
  if (!block) {
    environment.trim();
    block = queue->pool.getIdle(from.bytes, isDone);
  }
  if (!block) environment.report();
  if (!block) return Napi::Boolean::New(info.Env(), false);
  Slot* slot = environment.bind(index, generation, from.bytes, queue->number, block);
  if (!slot) {
    environment.release(block);
    return Napi::Boolean::New(info.Env(), false);
  }
  if (queue->device.memory.hostAccessible()) {
    slot->fresh = false;
    block->failure = {};
    if (from.bytes) std::memcpy(block->data, from.data, from.bytes);
  } else if (!environment.copyIn(*queue, *slot, 0, from.data, from.bytes, true)) {
    environment.unbind(*slot);
    return Napi::Boolean::New(info.Env(), false);
  }
  environment.publish();
  environment.report();
  return Napi::Boolean::New(info.Env(), true);
}

/// write(end, index, generation, at, ArrayBuffer, offset, bytes): ordered with the queue
Napi::Value write(const Napi::CallbackInfo& info) {
  Addon& addon = addonOf(info.Env());
  Environment& environment = addon.environment;
  decodeOrThrow(info, addon);
  Slot& slot = slotOf(info, 1);
  const size_t at = size(info, 3);
  const Bytes from = bytesOf(info, 4, size(info, 5), size(info, 6));
  if (at > slot.bytes || from.bytes > slot.bytes - at)
    throwError(info.Env(), "ERR_BOUNDS", "write reaches outside the storage");
  if (!slot.block) throwError(info.Env(), "ERR_OUT_OF_MEMORY", "the tensor never got memory");
  if (slot.block->readOnly) throwError(info.Env(), "ERR_ARGUMENT", "borrowed memory is read-only");
  Queue& queue = *environment.queue(slot.queue);
  const bool whole = at == 0 && from.bytes == slot.bytes;
  const bool idle = !slot.block->snapshots && environment.isDone(*slot.block);
  if (idle && queue.device.memory.hostAccessible()) {
    if (whole || slot.fresh) slot.block->failure = {};
    slot.fresh = false;
    std::memcpy(static_cast<char*>(slot.block->data) + at, from.data, from.bytes);
  } else if (!environment.copyIn(queue, slot, at, from.data, from.bytes, idle)) {
    throw std::bad_alloc();
  }
  environment.publish();
  environment.report();
  return info.Env().Undefined();
}

/// borrow(end, queue, index, generation, ArrayBuffer, offset, bytes, id): `id` completes when the array may
/// change again
Napi::Value borrow(const Napi::CallbackInfo& info) {
  Addon& addon = addonOf(info.Env());
  Environment& environment = addon.environment;
  decodeOrThrow(info, addon);
  environment.publish();
  Queue* queue = environment.queue(integer(info, 1));
  if (!queue || !queue->device.memory.hostAccessible())
    throwError(info.Env(), "ERR_DEVICE", "this device cannot use host memory in place");
  const Bytes from = bytesOf(info, 4, size(info, 5), size(info, 6));
  const auto id = static_cast<uint64_t>(integer(info, 7));
  const auto index = static_cast<uint32_t>(integer(info, 2)),
             generation = static_cast<uint32_t>(integer(info, 3));
  environment.expectCompletion();
  auto block = std::make_unique<Block>();
  block->data = from.data;
  block->bytes = from.bytes;
  block->count = 1;
  block->readOnly = true;
  block->borrowId = id;
  addon.borrowedArrays.emplace(id, Napi::Persistent(info[4].As<Napi::ArrayBuffer>()));
  try {
    Block& kept = *environment.borrowed.emplace(id, std::move(block)).first->second;
    Slot* slot = environment.bind(index, generation, from.bytes, queue->number, &kept);
    if (!slot) throw std::bad_alloc();
    slot->fresh = false;
  } catch (const std::bad_alloc&) {
    environment.borrowed.erase(id);
    addon.borrowedArrays.erase(id);
    throw;
  }
  environment.report();
  return info.Env().Undefined();
}

Napi::Value detach(const Napi::CallbackInfo& info) {
  if (info[0].IsArrayBuffer()) info[0].As<Napi::ArrayBuffer>().Detach();
  return info.Env().Undefined();
}

}  // namespace

Napi::Value finishTransfer(Napi::Env env, Addon& addon, const Completion& done) {
  Environment& environment = addon.environment;
  if (const auto read = addon.reads.find(done.id); read != addon.reads.end()) {
    PendingRead pending = std::move(read->second);
    addon.reads.erase(read);
    Napi::Value result = env.Null();
    const bool view = pending.copy.IsEmpty();
    if (!done.failure.root)
      result =
          view ? viewOf(env, addon, *pending.block, pending.offset, pending.bytes) : pending.copy.Value();
    if (view) --pending.block->snapshots;
    environment.release(pending.block);
    return result;
  }
  if (const auto block = environment.borrowed.find(done.id); block != environment.borrowed.end()) {
    environment.borrowed.erase(block);
    addon.borrowedArrays.erase(done.id);
  }
  return env.Null();
}

void defineTransfers(Napi::Env env, Napi::Object exports) {
  define<read>(env, exports, "read");
  define<readSync>(env, exports, "readSync");
  define<upload>(env, exports, "upload");
  define<write>(env, exports, "write");
  define<borrow>(env, exports, "borrow");
  define<detach>(env, exports, "detach");
}

}  // namespace wg
