// Reads one op's arguments from the command buffer by their C++ types, checks them, and lays them out for the
// thunk. Memory safety rests here: stale slots, views reaching outside their storage and numbers that are no
// integers stop at this border, whatever TypeScript did.
#pragma once
#include <bit>
#include <cstring>
#include <memory>
#include <type_traits>

#include "../core/command.h"

namespace wg {

class Environment;
class Queue;
struct Graph;

inline constexpr uint32_t kNoSlot = 0xffffffff;  // with generation 0: absent; with 1: a number follows

/// What one op's arguments touch. Sized once for the largest record a buffer can hold: decoding never
/// allocates.
template <class T>
class FixedList {
 public:
  void reserve(size_t capacity) {
    items_.reset(new T[capacity]);
    size_ = 0;
  }
  void clear() { size_ = 0; }
  void push_back(const T& item) { items_[size_++] = item; }
  size_t size() const { return size_; }
  const T* begin() const { return items_.get(); }
  const T* end() const { return items_.get() + size_; }

 private:
  std::unique_ptr<T[]> items_;
  size_t size_ = 0;
};

struct Reader {
  Environment& environment;
  Queue& queue;
  Graph* graph;  ///< when a captured stream is decoded
  Command* command;
  const double* at;
  const double* end;
  char* top;  ///< first free byte behind the arguments
  char* limit;
  FixedList<Block*>& inputs;
  FixedList<Target>& targets;
  Code fault = Code::ok;
  uint32_t failedRoot = 0;  ///< an argument's storage never got memory: the failure to inherit
  struct Message {
    Message() {}  // not cleared: fail() alone writes it, and readers are made for every op
    char text[200];
  };
  Message message{};

  bool more(ptrdiff_t words) {
    if (end - at >= words) return true;
    fail(Code::argument, "record is shorter than its op's arguments");
    return false;
  }
  [[gnu::format(printf, 3, 4)]] void fail(Code code, const char* format, ...);
  char* reserve(size_t bytes) {
    if (static_cast<size_t>(limit - top) < bytes) {
      fail(Code::outOfMemory, "too many arguments for one op");
      return nullptr;
    }
    char* place = top;
    top += (bytes + 15) / 16 * 16;
    return place;
  }
};

enum class Access { in, out, inOut };

/// Whether `x` is an integer of at most 2^53 in magnitude; false for NaN.
inline bool asInteger(double x, int64_t& value) {
  if (!(x >= -9007199254740992.0 && x <= 9007199254740992.0)) return false;
  value = static_cast<int64_t>(x);
  return static_cast<double>(value) == x;
}

void readView(Reader& r, View& view, Access access);
void readList(Reader& r, const View*& items, int64_t& count, Access access);

template <class T>
struct Arg;

template <>
struct Arg<double> {
  static constexpr const char* kType = "number";
  static void read(Reader& r, double* value) {
    if (r.more(1)) *value = *r.at++;
  }
};
template <>
struct Arg<int32_t> {
  static constexpr const char* kType = "number";
  static void read(Reader& r, int32_t* value) {
    int64_t wide = 0;
    if (!r.more(1)) return;
    if (!asInteger(*r.at, wide) || wide < INT32_MIN || wide > INT32_MAX)
      return r.fail(Code::argument, "wanted a 32-bit integer, got %g", *r.at);
    *value = static_cast<int32_t>(wide);
    ++r.at;
  }
};
template <>
struct Arg<Out> {
  static constexpr const char* kType = "Out";
  static void read(Reader& r, Out* view) { readView(r, *view, Access::out); }
};
template <>
struct Arg<InOut> {
  static constexpr const char* kType = "InOut";
  static void read(Reader& r, InOut* view) { readView(r, *view, Access::inOut); }
};
template <>
struct Arg<In> {
  static constexpr const char* kType = "In";
  static void read(Reader& r, In* view) { readView(r, *view, Access::in); }
};
template <>
struct Arg<MaybeIn> {
  static constexpr const char* kType = "MaybeIn";
  static void read(Reader& r, MaybeIn* view);
};
template <>
struct Arg<Operand> {
  static constexpr const char* kType = "Operand";
  static void read(Reader& r, Operand* operand);
};
template <>
struct Arg<InList> {
  static constexpr const char* kType = "InList";
  static void read(Reader& r, InList* list) { readList(r, list->items, list->count, Access::in); }
};
template <>
struct Arg<InOutList> {
  static constexpr const char* kType = "InOutList";
  static void read(Reader& r, InOutList* list) { readList(r, list->items, list->count, Access::inOut); }
};

template <class S>
void readFields(Reader&, S*, const Fields<>&) {}
template <class S, class F, class... R>
void readFields(Reader& r, S* value, const Fields<F, R...>& list) {
  using Member = std::remove_reference_t<decltype(value->*(list.head.member))>;
  if (r.fault == Code::ok) Arg<Member>::read(r, &(value->*(list.head.member)));
  readFields(r, value, list.tail);
}
template <class S>
requires requires { S::kFields; }
struct Arg<S> {
  static constexpr const char* kType = S::kName;
  static void read(Reader& r, S* value) { readFields(r, value, S::kFields); }
};

inline void readPack(Reader&, Pack<>*) {}
template <class H, class... T>
void readPack(Reader& r, Pack<H, T...>* pack) {
  if (r.fault == Code::ok) Arg<H>::read(r, &pack->head);
  readPack(r, &pack->tail);
}

/// What the decoder needs to know of an op.
struct OpEntry {
  const char* name;
  const char* names;  ///< of the arguments, separated by spaces
  size_t argumentBytes;
  void (*read)(Reader&, void* arguments);
  void (*types)(void* context, void (*add)(void* context, const char* type));
};

template <class Signature>
struct EntryOf;
template <class... A>
struct EntryOf<void(A...)> {
  static void read(Reader& r, void* arguments) { readPack(r, static_cast<Pack<A...>*>(arguments)); }
  static void types(void* context, void (*add)(void*, const char*)) { (add(context, Arg<A>::kType), ...); }
  static constexpr OpEntry entry(const char* name, const char* names) {
    return {name, names, sizeof(Pack<A...>), read, types};
  }
};

inline constexpr OpEntry kOps[] = {
#define WG_ENTRY(name, args, names) EntryOf<void args>::entry(#name, names),
    WG_OPS(WG_ENTRY)
#undef WG_ENTRY
};

}  // namespace wg
