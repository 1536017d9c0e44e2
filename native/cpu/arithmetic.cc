// Division with whole quotients, bits, and functions of two floats, from the bodies in native/ops/division.h,
// bitwise.h and planar.h.
#include "../ops/rows/arithmetic.h"

#include "operands.h"

WG_PROTOTYPES(WG_ARITHMETIC_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// 1 where x is positive, 0 where it is negative or NaN, `atZero` at 0.
struct Heaviside {
  template <class V>
  static V value(V x, V atZero) {
    using T = ElementOf<V>;
    const V zero(T(0));
    return select(x == zero, atZero, select(x > zero, V(T(1)), zero));
  }
};

bool isInteger(DType t) { return t == DType::i32 || t == DType::i64 || t == DType::u8; }

/// Fails the op when an integer would be divided by zero. Looks at each stored divisor once: repeated axes
/// count as one element.
bool divisible(Stream& s, const char* name, const View& out, const Operand& b, DType dtype) {
  if (!isInteger(dtype) || numel(out) == 0) return true;
  uint8_t found = b.isNumber && b.number == 0;
  if (!b.isNumber) {
    View v = b.view;
    for (int i = 0; i < v.rank; i++) {
      if (v.stride[i] == 0) v.shape[i] = 1;
    }
    const Walk from = walkOf(v);
    // The low bytes are what is left of a wider integer.
    const size_t bytes = static_cast<size_t>(minOf(from.item, itemBytes(dtype)));
    parallelFor(s, ceilDiv(from.total, kChunk), [&](int64_t chunk) {
      const int64_t begin = chunk * kChunk;
      forEachRun(from, begin, minOf(kChunk, from.total - begin),
                 [&](const char* p, int64_t step, int64_t, int64_t n) {
                   bool zero = false;
                   for (int64_t i = 0; i < n; i++) {
                     uint64_t value = 0;
                     __builtin_memcpy(&value, p + i * step, bytes);
                     zero |= value == 0;
                   }
                   if (zero) __atomic_store_n(&found, uint8_t{1}, __ATOMIC_RELAXED);
                 });
    });
  }
  if (found != 0) fail(s, Code::argument, "%s: division of an integer by zero", name);
  return found == 0;
}

template <class Op>
void divide(Stream& s, const char* name, const View& out, const Operand& a, const Operand& b) {
  runBinary(s, out, a, b, [&](Body& body, DType dtype) {
    if (!divisible(s, name, out, b, dtype)) return;
    if (isInteger(dtype)) withInteger(s, dtype, name, [&body]<class T>() { body = scalarBody<Op, T>; });
    else withFloat(s, dtype, name, [&body]<class T>() { body = binaryBody<Op, T>; });
  });
}

}  // namespace

#define WG_DIVISION_KERNEL(X, Struct, name)                                  \
  void name(Stream& s, const Out& out, const Operand& a, const Operand& b) { \
    divide<op::Struct>(s, #name, out, a, b);                                 \
  }
WG_DIVISION(WG_DIVISION_KERNEL, )
#undef WG_DIVISION_KERNEL

#define WG_PLANAR_KERNEL(X, Struct, name)                                                   \
  void name(Stream& s, const Out& out, const Operand& a, const Operand& b) {                \
    runBinary(s, out, a, b, [&](Body& body, DType dtype) {                                  \
      withFloat(s, dtype, #name, [&body]<class T>() { body = binaryBody<op::Struct, T>; }); \
    });                                                                                     \
  }
WG_PLANAR(WG_PLANAR_KERNEL, )
#undef WG_PLANAR_KERNEL

#define WG_BITWISE_KERNEL(X, Struct, name)                                                    \
  void name(Stream& s, const Out& out, const Operand& a, const Operand& b) {                  \
    runBinary(s, out, a, b, [&](Body& body, DType dtype) {                                    \
      withInteger(s, dtype, #name, [&body]<class T>() { body = scalarBody<op::Struct, T>; }); \
    });                                                                                       \
  }
WG_BITWISE(WG_BITWISE_KERNEL, )
#undef WG_BITWISE_KERNEL

void heaviside(Stream& s, const Out& out, const Operand& x, const Operand& atZero) {
  runBinary(s, out, x, atZero, [&](Body& body, DType dtype) {
    withNumber(s, dtype, "heaviside", [&body]<class T>() { body = binaryBody<Heaviside, T>; });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
