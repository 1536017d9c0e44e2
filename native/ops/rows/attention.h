// Rows: scaled dot-product attention over [B, H, S, D] queries and [B, H / G, T, D] keys, never holding S x T
// numbers. `mask` [B, H, S, T] is bool (true takes part) or added to the scores; `slopes` [H] are ALiBi's;
// `used` is the random state of dropout, which draws as the op of that name does over [B, H, S, T].
#pragma once
#include "../params.h"

namespace wg {

struct AttentionParams {
  double scale, dropout;
  int32_t left, right;  ///< query i sees keys i - left to i + right; -1: no bound
  static constexpr const char* kName = "AttentionParams";
  static constexpr auto kFields =
      fields(Field{"scale", &AttentionParams::scale}, Field{"dropout", &AttentionParams::dropout},
             Field{"left", &AttentionParams::left}, Field{"right", &AttentionParams::right});
};

}  // namespace wg

// clang-format off
#define WG_ATTENTION_ROWS(X) \
  X(attention, (Out, Out, In, In, In, MaybeIn, MaybeIn, MaybeIn, AttentionParams), \
    "out lse q k v mask slopes used params") /* lse [B, H, S]: log of the sum of exponentials of each row */ \
  X(attentionGrad, (Out, Out, Out, In, In, In, In, In, In, In, MaybeIn, MaybeIn, MaybeIn, AttentionParams), \
    "dq dk dv q k v out lse dout dlse mask slopes used params")
// clang-format on
