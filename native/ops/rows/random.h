// Rows: random numbers: `state` and `used` are int64 [seed, offset]; Philox4x32-10, one counter per four
// 32-bit draws.
#pragma once

// clang-format off
#define WG_RANDOM_ROWS(X) \
  X(rngTake, (Out, InOut, double), "used state count") /* used = state; state.offset += count */ \
  X(uniform, (Out, In, double, double), "out used low high") \
  X(normal, (Out, In, double, double), "out used mean std") \
  X(dropout, (Out, In, In, double), "out x used p") /* keeps with 1-p, scales by 1/(1-p); float */ \
  X(randint, (Out, In, double, double), "out used low range") /* low + [0, range), 64 bits an element */ \
  X(bernoulli, (Out, In, In), "out p used") \
  X(cumulativeChances, (Out, In), "out weights") /* float64 running sums of rows of checked weights */ \
  X(poisson, (Out, In, In), "out rate used") /* a counter an element */ \
  X(standardGamma, (Out, In, In), "out shape used") /* a counter an element */
// clang-format on
