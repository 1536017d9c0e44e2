// See pool.h. Several jobs may be open at once (environments, and the train and serve queues of one); a job
// lives on its owner's stack, and workers join it only under the mutex while it is linked, so it cannot end
// under them.
#include "pool.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <thread>

#include "placement.h"
#include "start_thread.h"
#include "threads.h"

namespace wg::cpu {
namespace {

constexpr int32_t kMaxThreads = 256;
// A worker looks for the next job this long before it sleeps: shorter than a wake-up costs, so at worst it
// doubles it.
constexpr auto kSpin = std::chrono::microseconds(30);

// A worker leaves its owner's core at most this often: where all cores are taken it would only wander.
constexpr auto kStay = std::chrono::milliseconds(1);

constexpr int32_t kMostSpans = 16;

/// Sweeps of more chunks (4 MiB of float32) never turn: too little of them is still cached, and memory is
/// read a tenth slower in leaps back.
constexpr int64_t kMostTurning = 32;

/// Chunks that lie together. Each thread begins with a span of its own, the same in every job, since what a
/// kernel reads is what its core wrote in the kernel or the step before; then it helps with the others.
struct Span {
  alignas(64) std::atomic<int64_t> next;
  int64_t begin, end;
};

struct Job {
  const Stream& stream;
  void (*body)(void*, int64_t);
  void* context;
  int64_t chunks;
  bool urgent;
  bool back;                     ///< from each span's last chunk to its first
  int32_t core = currentCore();  ///< its owner's
  int32_t spans;
  Span span[kMostSpans];
  std::atomic<int32_t> ended{0};  // spans past whose end somebody has looked
  std::atomic<int32_t> helpers{0};
  Job* link = nullptr;

  Job(const Stream& s, int64_t count, void (*run)(void*, int64_t), void* argument, bool fromLast)
      : stream(s), body(run), context(argument), chunks(count), urgent(s.priority > 0), back(fromLast) {
    const int32_t threads = cpu::threads();
    spans = threads < kMostSpans ? threads : kMostSpans;
    if (spans > chunks) spans = static_cast<int32_t>(chunks);
    for (int32_t i = 0; i < spans; ++i) {
      span[i].begin = chunks * i / spans;
      span[i].next.store(span[i].begin, std::memory_order_relaxed);
      span[i].end = chunks * (i + 1) / spans;
    }
  }
  bool exhausted() const { return ended.load(std::memory_order_relaxed) >= spans; }
  /// Counts a span out: true for the last of them. Exactly one thread sees the first number past an end.
  bool endOne() { return ended.fetch_add(1, std::memory_order_relaxed) + 1 == spans; }
};

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Polls, giving the core away every 64 rounds: the thread we wait for may have been put on this very core.
template <class Ready>
bool spin(Ready ready) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      relax();
    }
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() < end);
  return ready();
}

class Pool {
 public:
  Pool() : limit_(availableThreads(kMaxThreads)) {}

  int32_t limit() const { return limit_.load(std::memory_order_relaxed); }

  void setLimit(int32_t count) {
    std::lock_guard lock(mutex_);
    limit_.store(count < 1 ? 1 : count > kMaxThreads ? kMaxThreads : count, std::memory_order_relaxed);
    parked_.notify_all();
  }

  void run(Job& job) {
    publish(job);
    for (;;) {
      work(job, 0);
      if (job.exhausted()) break;
      helpUrgent();
    }
    unlink(job);
    waitForHelpers(job);
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;    // workers without a job
  std::condition_variable parked_;  // workers beyond the limit
  std::condition_variable left_;    // owners whose helpers still run
  Job* jobs_ = nullptr;
  int32_t sleeping_ = 0;
  int32_t started_ = 0;
  bool refused_ = false;  // the system gave no more threads: live with those we have
  std::atomic<int32_t> limit_;
  std::atomic<int32_t> open_{0};    // jobs with chunks left
  std::atomic<int32_t> urgent_{0};  // of them, those of serve queues
  std::atomic<int32_t> owners_{0};  // sleeping on left_

  void publish(Job& job) {
    std::lock_guard lock(mutex_);
    while (started_ < limit() - 1 && !refused_) start();
    job.link = jobs_;
    jobs_ = &job;
    open_.fetch_add(1, std::memory_order_relaxed);
    if (job.urgent) urgent_.fetch_add(1, std::memory_order_relaxed);
    int64_t wanted = job.chunks - 1;
    if (wanted > sleeping_) wanted = sleeping_;
    for (; wanted > 0; --wanted) wake_.notify_one();
  }

  void unlink(Job& job) {
    std::lock_guard lock(mutex_);
    Job** at = &jobs_;
    while (*at != &job) at = &(*at)->link;
    *at = job.link;
  }

  /// No new helper can come once the job is unlinked; those inside hold one chunk each.
  void waitForHelpers(Job& job) {
    const auto alone = [&] { return job.helpers.load() == 0; };
    if (alone() || spin(alone)) return;
    std::unique_lock lock(mutex_);
    owners_.fetch_add(1);
    left_.wait(lock, alone);
    owners_.fetch_sub(1);
  }

  /// Under the mutex. Serve jobs first, then the job with the fewest helpers.
  Job* pick(bool urgentOnly) const {
    Job* best = nullptr;
    for (Job* job = jobs_; job; job = job->link) {
      if (job->exhausted() || (urgentOnly && !job->urgent)) continue;
      if (!best || (job->urgent && !best->urgent) ||
          (job->urgent == best->urgent &&
           job->helpers.load(std::memory_order_relaxed) < best->helpers.load(std::memory_order_relaxed)))
        best = job;
    }
    if (best) best->helpers.fetch_add(1, std::memory_order_relaxed);
    return best;
  }

  void close(const Job& job) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    if (job.urgent) urgent_.fetch_sub(1, std::memory_order_relaxed);
  }

  /// Runs chunks until none is left, or until somebody else's are more urgent; those of span `home` first.
  void work(Job& job, int32_t home) {
    for (int32_t i = 0; i < job.spans;) {
      if (!job.urgent && urgent_.load(std::memory_order_relaxed) > 0) return;
      Span& span = job.span[(home + i) % job.spans];
      const int64_t chunk = span.next.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= span.end) {
        if (chunk == span.end && job.endOne()) close(job);
        ++i;
        continue;
      }
      if (job.stream.cancelled && job.stream.cancelled->load(std::memory_order_relaxed)) return drop(job);
      job.body(job.context, job.back ? span.begin + (span.end - 1 - chunk) : chunk);
    }
  }

  void drop(Job& job) {
    for (int32_t i = 0; i < job.spans; ++i) {
      Span& span = job.span[i];
      if (span.next.exchange(span.end + 1, std::memory_order_relaxed) <= span.end && job.endOne()) close(job);
    }
    if (!job.stream.status) return;
    int32_t ok = 0;
    job.stream.status->code.compare_exchange_strong(ok, static_cast<int32_t>(Code::cancelled));
  }

  void leave(Job& job) {
    if (job.helpers.fetch_sub(1) != 1 || owners_.load() == 0) return;  // the job may be gone from here on
    std::lock_guard lock(mutex_);
    left_.notify_all();
  }

  /// An owner, too, puts serve chunks before its own.
  void helpUrgent() {
    Job* job;
    {
      std::lock_guard lock(mutex_);
      job = pick(true);
    }
    if (!job) return;
    work(*job, 0);
    leave(*job);
  }

  struct Start {
    Pool* pool;
    int32_t index;
  };

  void start() {
    auto* argument = new (std::nothrow) Start{this, started_};
    if (argument && startThread(&Pool::begin, argument)) {
      ++started_;
    } else {
      delete argument;
      refused_ = true;
    }
  }

  static void begin(void* argument) {
    const Start start = *static_cast<Start*>(argument);
    delete static_cast<Start*>(argument);
    if (registerThread()) start.pool->serve(start.index);
  }

  /// A worker that is woken on its owner's core waits until the owner is done: the system may leave it there
  /// for seconds while other cores are idle.
  static void makeRoom(const Job& job, std::chrono::steady_clock::time_point& moved) {
    if (job.core < 0 || currentCore() != job.core) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - moved < kStay) return;
    moved = now;
    leaveCore(job.core);
  }

  void serve(int32_t index) {
    std::chrono::steady_clock::time_point moved{};
    for (;;) {
      spin([&] { return open_.load(std::memory_order_relaxed) > 0; });
      Job* job;
      {
        std::unique_lock lock(mutex_);
        if (index >= limit() - 1) {
          parked_.wait(lock);
          continue;
        }
        job = pick(false);
        if (!job) {
          // A wake-up that comes too late for one short job spins for the next: it would be late for that
          // one, too.
          ++sleeping_;
          wake_.wait(lock);
          --sleeping_;
          continue;
        }
      }
      makeRoom(*job, moved);
      work(*job, index + 1);
      leave(*job);
    }
  }
};

/// Leaked: workers may run until the very end of the process.
Pool& pool() {
  static Pool* const it = new Pool;
  return *it;
}

constexpr std::align_val_t kScratchAlignment{64};

struct Scratch {
  void* bytes = nullptr;
  ~Scratch() { ::operator delete(bytes, kScratchAlignment); }
};
thread_local Scratch scratch;

}  // namespace

void parallelRun(const Stream& s, int64_t chunks, void (*body)(void*, int64_t), void* context) {
  if (chunks <= 0) return;
  Job job(s, chunks, body, context, false);
  pool().run(job);
}
void parallelSweepRun(const Stream& s, int64_t chunks, void (*body)(void*, int64_t), void* context) {
  if (chunks > kMostTurning) return parallelRun(s, chunks, body, context);
  if (chunks <= 0) return;
  thread_local bool back = true;
  back = !back;
  Job job(s, chunks, body, context, back);
  pool().run(job);
}

int32_t threads() { return pool().limit(); }
void setThreads(int32_t count) { pool().setLimit(count); }

void* workerScratch() {
  if (!scratch.bytes) scratch.bytes = ::operator new(kWorkerScratchBytes, kScratchAlignment, std::nothrow);
  return scratch.bytes;
}
bool registerThread() { return workerScratch() != nullptr; }

}  // namespace wg::cpu
