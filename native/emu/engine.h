// Everything of a launch that happens beside its threads.
#pragma once
#include <vector>

#include "async.h"
#include "machine.h"

namespace wg::emu {

struct Copy {
  char* to;
  const char* from;
  int bytes, valid;
  void run() const;
};

struct Store {
  TensorMap map;
  const char* from;
  int32_t at[5];
  bool add;
  void run() const;
};

/// Groups of one thread's work, of which the oldest end first.
template <class T>
struct Groups {
  std::vector<T> items;
  std::vector<size_t> ends;  ///< how many items the groups up to each one have

  bool empty() const { return items.empty(); }
  void commit() { ends.push_back(items.size()); }
  /// Takes out what has to be over when `left` groups may be in flight; runs it if it was put off.
  void wait(int left, bool putOff) {
    const size_t over = ends.size() > static_cast<size_t>(left) ? ends.size() - static_cast<size_t>(left) : 0;
    if (over == 0) return;
    const size_t n = ends[over - 1];
    if (putOff)
      for (size_t i = 0; i < n; i++) items[i].run();
    items.erase(items.begin(), items.begin() + static_cast<ptrdiff_t>(n));
    ends.erase(ends.begin(), ends.begin() + static_cast<ptrdiff_t>(over));
    for (size_t& end : ends) end -= n;
  }
  void clear() {
    items.clear();
    ends.clear();
  }
};

/// What one thread has in flight.
struct InFlight {
  Groups<Copy> copies;
  Groups<Store> stores;
};

/// A copy that tells a barrier when it is done.
struct Transfer {
  uint64_t* barrier;
  std::vector<Copy> copies;  ///< of a thread; else a tensor's
  bool tensor = false;
  TensorMap map{};
  char* to = nullptr;
  int32_t at[5] = {};
  uint16_t offsets[3] = {};
  uint16_t mask = 0;
};

/// A warpgroup's products, and its threads meeting.
struct Warpgroup {
  int arrived = 0;
  const char* operation = nullptr;
  Place place;
  uint32_t waiting[4] = {};
  Product brought[128] = {};
  struct Issued {
    Product product;  ///< of the first thread
    float* d[128];
    uint32_t a[128][4];
    int group;
    void run(const char* shared) const;
  };
  std::vector<Issued> issued;
  int committed = 0;
  bool fenced = false;
};

class Engine {
 public:
  explicit Engine(Machine& machine) : machine_(machine) {}
  void begin(int warpgroups);
  /// Does one thing that may not be put off any longer; false: there is nothing to do.
  bool step();
  void add(Transfer&& transfer);
  /// The phase of a barrier may have ended.
  void settle(uint64_t* word);
  void addWaiter(const uint64_t* word) { waiters_.push_back({word, &Machine::self()}); }
  /// Of the running thread; it may not end with anything in it.
  InFlight& inFlight();
  void checkEnded(const Fiber& thread);
  Warpgroup& warpgroup(int index) { return warpgroups_[static_cast<size_t>(index)]; }
  /// The blocks have ended, and nothing may be under way.
  void checkBlocksEnded();
  void clear();

 private:
  struct Waiter {
    const uint64_t* word;
    Fiber* thread;
  };
  void finish(const Transfer& transfer);

  Machine& machine_;
  std::vector<Transfer> transfers_;
  std::vector<Waiter> waiters_;
  std::vector<InFlight> inFlight_;  ///< by thread
  std::vector<Warpgroup> warpgroups_;
};

}  // namespace wg::emu
