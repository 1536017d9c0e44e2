// How exactly products of float32 are computed: what setFloat32Precision of lib/ says.
#pragma once
#include <cstdint>

namespace wg {

enum class Precision : int32_t {
  strict,   ///< float32 arithmetic
  highest,  ///< as good as float32 arithmetic
  high,     ///< operands rounded to tf32, ten bits behind the point
  medium    ///< operands rounded to bfloat16
};

}  // namespace wg
