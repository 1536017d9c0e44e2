#include <cstring>

#include "machine.h"

namespace wg::emu {

/// Nobody can run, and somebody still waits: who, and where.
void Machine::deadlock() {
  struct Group {
    const Fiber* first;
    int count;
  };
  constexpr int kMostGroups = 3;
  Group groups[kMostGroups] = {};
  int ended = 0, others = 0;
  for (int i = 0; i < warpCount_ * 32; i++) {
    const Fiber& f = thread(i);
    if (f.number >= blockThreads_) continue;
    if (!f.waitsIn) {
      ended++;
      continue;
    }
    Group* g = groups;
    while (g < groups + kMostGroups && g->count > 0 &&
           !(std::strcmp(g->first->waitsIn, f.waitsIn) == 0 && samePlace(g->first->place, f.place)))
      g++;
    if (g == groups + kMostGroups) {
      others++;
      continue;
    }
    if (g->count++ == 0) g->first = &f;
  }
  Text text = print("deadlock:");
  const auto add = [&](const Text& more) { text = print("%s%s", Text(text).chars, more.chars); };
  for (const Group& g : groups) {
    if (g.count == 0) break;
    const char* comma = g.first == groups[0].first ? "" : ",";
    add(print("%s %d wait in %s at %s", comma, g.count, g.first->waitsIn, describe(g.first->place).chars));
    if (*comma) add(print(" (thread %s)", describe(g.first->index).chars));
  }
  if (others) add(print(", %d elsewhere", others));
  if (ended) add(print(", %d have ended", ended));
  const Fiber& first = *groups[0].first;
  fail(*first.block, &first, first.place, text);
}

}  // namespace wg::emu
