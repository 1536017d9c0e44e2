// Rows: linear algebra on the last two axes, float32 and float64, computed in double; batch axes of every
// argument agree. A matrix that has no result (singular, not positive definite) fails the op with
// Code::argument.
#pragma once

// clang-format off
#define WG_LINALG_ROWS(X) \
  X(cholesky, (Out, In), "out a") /* reads the lower triangle */ \
  X(triangularSolve, (Out, In, In, int32_t, int32_t), "out a b upper unitriangular") /* a out = b */ \
  X(luFactor, (Out, Out, In), "lu pivots a") /* pivots int32: row i was exchanged with row pivots[i] - 1, as in LAPACK */ \
  X(permutation, (Out, In), "out pivots") /* out int32: where each row came from */ \
  X(solve, (Out, In, In), "out a b") /* a out = b */ \
  X(inverse, (Out, In), "out a") \
  X(det, (Out, In), "out a") \
  X(slogdet, (Out, Out, In), "sign logAbsolute a") \
  X(cofactor, (Out, In), "out a") /* det(a) a^-T, by singular values where a is (nearly) singular */ \
  X(qr, (Out, Out, In), "q r a") /* q [m, k] and r [k, n] with k = min(m, n), or k = m */ \
  X(eigh, (Out, Out, In), "values vectors a") /* ascending; reads the lower triangle */ \
  X(eigvalsh, (Out, In), "values a") \
  X(svd, (Out, Out, Out, In), "u s vh a") /* descending; u and vh square or reduced */ \
  X(svdvals, (Out, In), "s a") \
  X(matrixExp, (Out, In), "out a") \
  X(cdist, (Out, In, In, double), "out a b p") /* [.., p, m] and [.., r, m] give [.., p, r] */
// clang-format on
