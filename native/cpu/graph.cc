// Which commands form a chain, and which of their results never need to reach memory.
//
// Links of a chain visit the same elements in the same order, a block at a time. So an op may join when every
// block of memory it shares with an earlier link, one of the two writing, is the same elements at the same
// places: then what it reads was written just before, and what it overwrites was read just before. A result
// stays in a slot when its memory belongs to a tensor that lived and died inside the step, and the next that
// anybody does with it, after the chain, is to overwrite it.
#include "graph.h"

#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>

#include "../core/execute.h"
#include "../core/failures.h"
#include "../ops.h"

namespace wg::cpu {
namespace {

constexpr size_t kMostLinks = 24;

/// Ops that do nothing but run a body over elements: taking them down runs nothing. Those of integer division
/// look at the divisor first.
constexpr bool isElementwise(Op op) {
  switch (op) {
#define WG_CASE(name, args, names) case Op::name:
#define WG_TWO_CASE(X, Struct, name) case Op::name:
    WG_ELEMENTWISE_ROWS(WG_CASE)
    WG_ACTIVATION_ROWS(WG_CASE)
    WG_ELEMENTARY_ROWS(WG_CASE)
    WG_SPECIAL_ROWS(WG_CASE)
    WG_PLANAR(WG_TWO_CASE, )
    WG_BITWISE(WG_TWO_CASE, )
    WG_TERNARY(WG_TWO_CASE, )
    WG_TERNARY_SCALED(WG_TWO_CASE, )
#undef WG_TWO_CASE
#undef WG_CASE
    case Op::heaviside:
    case Op::fill:
      return true;
    default:
      return false;
  }
}

bool mayJoin(const Command& c) {
  if (c.kind != Kind::op || !isElementwise(static_cast<Op>(c.op)) || c.scratchBytes != 0) return false;
  for (const Wait& wait : c.waits)
    if (wait.queue) return false;
  for (uint32_t i = 0; i < c.targets; ++i)
    if (c.targetList()[i].moveFrom) return false;
  return true;
}

/// The block of the command an operand lies in; null for a number.
const Block* blockOf(const Command& c, const ChainSide& side) {
  if (side.isNumber) return nullptr;
  const auto holds = [&side](const Block& block) {
    const auto* const start = static_cast<const char*>(block.data);
    return side.data >= start && side.data < start + block.bytes;
  };
  for (uint32_t i = 0; i < c.targets; ++i)
    if (holds(*c.targetList()[i].block)) return c.targetList()[i].block;
  for (uint32_t i = 0; i < c.inputs; ++i)
    if (holds(*c.inputList()[i])) return c.inputList()[i];
  return nullptr;
}

bool sameElements(const ChainSide& a, const ChainSide& b) {
  return a.lined && b.lined && a.data == b.data && a.item == b.item;
}

}  // namespace

/// Makes the pieces of a graph: the chain under way are the links from `open_` on.
struct Graph::Builder {
  Graph& graph;
  std::vector<const Command*> commands;           // of each link
  std::vector<const Block*> blocks[kChainSides];  // of each link's sides
  std::unordered_map<const Block*, bool> needed;  // what the commands behind want of a block, walking back
  std::unordered_map<std::string, const char*> known;  // blocks of numbers by item and bits
  const std::atomic<bool> cancelled{false};

  bool takeDown(const Command& c) {
    Link link{};
    auto room = std::make_unique<PlanRoom>();
    Tape tape{&link, room->bytes, false, nullptr};
    Status status{};
    Stream stream{&status, &tape, nullptr, 0, &cancelled, 0};
    c.run(stream, c.arguments());
    if (!tape.taken) return false;
    graph.run_ = tape.run;
    graph.links_.push_back(link);
    graph.plans_.push_back(std::move(room));
    commands.push_back(&c);
    for (int j = 0; j < kChainSides; ++j)
      blocks[j].push_back(j < link.sides ? blockOf(c, link.side[j]) : nullptr);
    return true;
  }

  void dropLast() {
    graph.links_.pop_back();
    graph.plans_.pop_back();
    commands.pop_back();
    for (auto& list : blocks) list.pop_back();
  }

  /// Whether the newest link agrees with those of the chain under way.
  bool fits(size_t first) const {
    const size_t last = graph.links_.size() - 1;
    const Link& link = graph.links_[last];
    for (int j = 0; j < link.sides; ++j)
      if (!link.side[j].isNumber && !blocks[j][last]) return false;
    for (size_t k = first; k < last; ++k) {
      const Link& before = graph.links_[k];
      if (before.total != link.total) return false;
      for (int j = 0; j < link.sides; ++j)
        for (int i = 0; i < before.sides; ++i)
          if ((i == 0 || j == 0) && blocks[i][k] && blocks[i][k] == blocks[j][last] &&
              !sameElements(before.side[i], link.side[j]))
            return false;
    }
    return true;
  }

  /// What `c` does to blocks, as the commands before it see it.
  void walkBack(const Command& c) {
    for (uint32_t i = 0; i < c.targets; ++i) {
      const Target& target = c.targetList()[i];
      // An op that is skipped because an input failed leaves what it works on in place as it was.
      const bool replaces = target.flags & kFirst || (target.flags & kCovers && !(target.flags & kInPlace));
      needed[target.block] = !replaces;
    }
    for (uint32_t i = 0; i < c.inputs; ++i) needed[c.inputList()[i]] = true;
  }

  bool isNeeded(const Block* block) const {
    const auto found = needed.find(block);
    return found == needed.end() ? block->count > 0 : found->second;
  }

  /// The last link from `first` on that reads what link k wrote, or k; and whether another overwrites it.
  size_t lastReader(size_t k, size_t end, bool& overwritten) const {
    size_t reader = k;
    overwritten = false;
    for (size_t later = k + 1; later < end; ++later) {
      for (int j = 1; j < graph.links_[later].sides; ++j)
        if (blocks[j][later] == blocks[0][k]) reader = later;
      if (blocks[0][later] == blocks[0][k]) {
        overwritten = true;
        break;
      }
    }
    return reader;
  }

  /// Gives slots to results of links [first, end) that nobody needs behind them; `needed` is as it is there.
  void useSlots(size_t first, size_t end) {
    size_t freeAfter[kChainSlots];  // the last link that uses a slot
    bool used[kChainSlots] = {};
    for (size_t k = first; k < end; ++k) {
      Link& link = graph.links_[k];
      bool overwritten = false;
      const size_t reader = lastReader(k, end, overwritten);
      if (reader > k) link.streams = false;
      if (!link.side[0].lined || (!overwritten && isNeeded(blocks[0][k]))) continue;
      int32_t slot = 0;
      while (slot < kChainSlots && used[slot] && freeAfter[slot] >= k) ++slot;
      if (slot == kChainSlots) continue;
      used[slot] = true;
      freeAfter[slot] = reader;
      link.streams = false;
      link.side[0].slot = slot;
      for (size_t later = k + 1; later <= reader; ++later)
        for (int j = 1; j < graph.links_[later].sides; ++j)
          if (blocks[j][later] == blocks[0][k]) graph.links_[later].side[j].slot = slot;
    }
  }

  void repeatNumbers(Link& link) {
    for (int j = 1; j < link.sides; ++j) {
      ChainSide& side = link.side[j];
      if (!side.isNumber) continue;
      const std::string key(side.number, static_cast<size_t>(side.item));
      const char*& block = known[key];
      if (!block) {
        auto memory = std::make_unique<char[]>(kNumberBlock);
        for (int64_t i = 0; i < kNumberBlock; i += side.item)
          std::memcpy(memory.get() + i, side.number, static_cast<size_t>(side.item));
        block = memory.get();
        graph.numbers_.push_back(std::move(memory));
      }
      side.repeated = block;
    }
  }
};

Graph::Graph(const Command* first, uint64_t bytes, bool chains) {
  const auto* const end = reinterpret_cast<const char*>(first) + bytes;
  if (!chains) {
    pieces_.push_back({first, bytes, 0, 0});
    return;
  }
  Builder builder{*this, {}, {}, {}, {}};
  size_t open = 0;  // where the chain under way begins
  const auto size = [](const Command* from, const Command* to) {
    return static_cast<uint64_t>(reinterpret_cast<const char*>(to) - reinterpret_cast<const char*>(from));
  };
  const Command* plain = first;  // the first command not in a piece yet
  const auto close = [&](const Command* here) {
    const size_t count = links_.size() - open;
    if (count >= 2) {
      const Command* const chainStart = builder.commands[open];
      if (chainStart != plain) pieces_.push_back({plain, size(plain, chainStart), 0, 0});
      pieces_.push_back({chainStart, size(chainStart, here), open, static_cast<int32_t>(count)});
      plain = here;
    } else if (count == 1) {
      builder.dropLast();
    }
    open = links_.size();
  };
  for (const Command* c = first; reinterpret_cast<const char*>(c) < end; c = next(c)) {
    if (!mayJoin(*c) || !builder.takeDown(*c)) {
      close(c);
      continue;
    }
    if (links_.size() - open > kMostLinks || !builder.fits(open)) {
      builder.dropLast();
      close(c);
      builder.takeDown(*c);
      if (!builder.fits(open)) builder.dropLast();
    }
  }
  const auto* const stop = reinterpret_cast<const Command*>(end);
  close(stop);
  if (plain != stop) pieces_.push_back({plain, size(plain, stop), 0, 0});

  for (size_t i = pieces_.size(); i-- > 0;) {
    const Piece& piece = pieces_[i];
    if (piece.links > 0)
      builder.useSlots(piece.firstLink, piece.firstLink + static_cast<size_t>(piece.links));
    std::vector<const Command*> order;
    for (const Command* c = piece.first; size(piece.first, c) < piece.bytes; c = next(c)) order.push_back(c);
    for (size_t k = order.size(); k-- > 0;) builder.walkBack(*order[k]);
  }
  for (Link& link : links_) builder.repeatNumbers(link);
}

void Graph::run(QueueShared& queue, void* native) const {
  BlockLedger ledger;
  for (const Piece& piece : pieces_) {
    if (queue.cancelled.load(std::memory_order_relaxed)) return;
    bool failed = false;
    const Command* c = piece.first;
    for (int32_t k = 0; k < piece.links && !failed; ++k, c = next(c)) {
      begin(*c, ledger);
      failed = failedInput(*c, ledger).root != 0;
      if (!failed) heal(*c, ledger);
    }
    // With a failure among the inputs each command finds out for itself what it can do.
    if (piece.links == 0 || failed) {
      executeAll(piece.first, piece.bytes, queue, native);
      continue;
    }
    Status status{};
    const Stream stream{&status, native, nullptr, 0, &queue.cancelled, queue.priority};
    run_(stream, &links_[piece.firstLink], piece.links);
  }
}

}  // namespace wg::cpu
