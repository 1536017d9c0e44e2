// Rows: one step of recurrent layers after the matrix products. x and r are what the input and the hidden
// state add to the gates [N, gates * H]; `gates` and `acts` keep what the gradients read.
#pragma once

// clang-format off
#define WG_RECURRENT_ROWS(X) \
  X(rnnGates, (Out, In, In, int32_t), "h x r relu") \
  X(rnnGatesGrad, (Out, In, In, int32_t), "dGates h dh relu") \
  X(lstmGates, (Out, Out, Out, In, In, In), "h c gates x r c0") /* i, f, g, o */ \
  X(lstmGatesGrad, (Out, Out, In, In, In, In, In), "dGates dc0 gates c c0 dh dc") \
  X(gruGates, (Out, Out, In, In, In), "h acts x r h0") /* acts: r, z, n and the hidden part of n */ \
  X(gruGatesGrad, (Out, Out, Out, In, In, In), "dx dr dh0 acts h0 dh")
// clang-format on
