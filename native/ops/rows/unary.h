// How a unary op becomes rows: name(out, x) and nameGrad(dx, saved, dy), where `saved` is the forward input
// or output, whichever the struct's kSaves says.
#pragma once

#define WG_UNARY_ROW(X, Struct, name) X(name, (Out, In), "out x") X(name##Grad, (Out, In, In), "dx saved dy")
/// An op without a gradient kernel.
#define WG_VALUE_ROW(X, Struct, name) X(name, (Out, In), "out x")
/// With two numbers.
#define WG_UNARY_WITH_ROW(X, Struct, name)        \
  X(name, (Out, In, double, double), "out x p q") \
  X(name##Grad, (Out, In, In, double, double), "dx x dy p q")
