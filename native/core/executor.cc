#include "executor.h"

namespace wg {

void Executor::loop() {
  // 50 µs of spinning bridges the gaps inside a step; more only takes the core from JavaScript.
  constexpr int64_t kSpinNs = 50'000;
  if (started_) started_();
  uint64_t head = queue_.head.load();
  for (;;) {
    wake_.wait([&] { return queue_.cancelled.load() || queue_.tail.load() != head; }, kSpinNs);
    const uint64_t tail = queue_.tail.load();
    while (head != tail) {
      if (queue_.cancelled.load()) return;
      const auto& c = *reinterpret_cast<const Command*>(queue_.ring + head % queue_.capacity);
      if (c.kind == Kind::pad) {
        head += c.bytes;
        queue_.head.store(head);
        continue;
      }
      if (before_) before_(c);
      const uint64_t seq = c.seq, bytes = c.bytes;
      execute(c, queue_, nullptr);
      if (queue_.cancelled.load()) return;
      head += bytes;
      queue_.head.store(head);
      queue_.completed.store(seq);
      queue_.progressed(queue_.context);
    }
    if (queue_.cancelled.load()) return;
  }
}

}  // namespace wg
