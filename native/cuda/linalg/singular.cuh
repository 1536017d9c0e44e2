// Singular values and vectors: Householder reduction to bidiagonal form, then the implicitly shifted QR
// iteration (Golub and Reinsch 1970, as in LINPACK dsvdc). Everything is held by columns: a vector is a
// contiguous row of memory. One thread iterates; the turns of a step are recorded and applied by all.
#pragma once
#include "householder.cuh"

namespace wg::cuda {

/// Memory of one decomposition of a [n columns of m], m >= n. u and v are null when only values are wanted.
struct SingularWork {
  double* a;
  double* u;  ///< [columns, m], columns n or m
  double* v;  ///< [n, n]
  int columns;
  double* s;  ///< n, as the others
  double* e;
  double* tauU;
  double* tauV;  ///< later the signs of v's rows
  double* row;
  double* turns;  ///< 4 n: cosines and sines for v, then for u
  int32_t* order;

  WG_DEV SingularWork(double* memory, int64_t m, int64_t n, int64_t columnsOfU, bool vectors) {
    a = memory;
    s = a + m * n;
    e = s + n;
    tauU = e + n;
    tauV = tauU + n;
    row = tauV + n;
    turns = row + n;
    order = reinterpret_cast<int32_t*>(turns + 4 * n);
    u = vectors ? turns + 5 * n : nullptr;
    v = vectors ? u + columnsOfU * m : nullptr;
    columns = static_cast<int>(columnsOfU);
  }
};
inline int64_t singularDoubles(int64_t m, int64_t n, int64_t columns, bool vectors) {
  return m * n + 10 * n + (vectors ? columns * m + n * n : 0);
}

/// a becomes upper bidiagonal: diagonal s, above it e. Column k keeps a left reflection below its diagonal;
/// the right ones go to the rows of v (or nowhere).
WG_DEV void bidiagonalize(const SingularWork& x, int m, int n) {
  for (int k = 0; k < n; k++) {
    double* const column = x.a + int64_t{k} * m + k;
    const int rest = n - k - 1;
    if (warpId() == 0) {
      double beta;
      const double tau = reflect(column, m - k, beta);
      if (laneId() == 0) {
        x.s[k] = beta;
        x.tauU[k] = tau;
        x.e[k] = x.tauV[k] = 0;
      }
    }
    syncBlock();
    if (rest == 0) break;
    const double tauU = x.tauU[k];
    if (tauU != 0)
      forEachByWarp(k + 1, n, [&](int j) { applyReflection(x.a + int64_t{j} * m + k, column, tauU, m - k); });
    syncBlock();
    double* const r = x.v ? x.v + int64_t{k} * n + k + 1 : x.row;
    double* const block = x.a + int64_t{k + 1} * m + k;  // the columns behind, from row k on
    if (warpId() == 0) {
      for (int j = laneId(); j < rest; j += kWarp) r[j] = block[int64_t{j} * m];
      __syncwarp();
      double beta;
      const double tau = reflect(r, rest, beta);
      if (laneId() == 0) {
        x.e[k] = beta;
        x.tauV[k] = tau;
      }
    }
    syncBlock();
    const double tauV = x.tauV[k];
    // The rows below times the reflection, a thread a row.
    if (tauV != 0)
      forEach(m - k - 1, [&](int64_t i) {
        double* const of = block + 1 + i;
        double sum = 0;
        for (int64_t j = 0; j < rest; j++) sum += r[j] * of[j * m];
        sum *= -tauV;
        for (int64_t j = 0; j < rest; j++) of[j * m] += sum * r[j];
      });
    syncBlock();
  }
}

/// The left and right reflections multiplied out into u and v.
WG_DEV void formSingularVectors(const SingularWork& x, int m, int n) {
  setIdentity(x.u, x.columns, m);
  syncBlock();
  for (int k = n - 1; k >= 0; k--) {
    const double tau = x.tauU[k];
    if (tau != 0)
      forEachByWarp(k, x.columns, [&](int j) {
        applyReflection(x.u + int64_t{j} * m + k, x.a + int64_t{k} * m + k, tau, m - k);
        __syncwarp();
      });
  }
  for (int k = n - 1; k >= 0; k--) {
    // Reflection k lies in row k of v; its place is taken by a row of the identity once it has been read.
    const int rest = n - k - 1;
    double* const own = x.v + int64_t{k} * n;
    syncBlock();
    forEach(rest, [&](int64_t j) { x.row[j] = own[k + 1 + j]; });
    syncBlock();
    forEach(n, [&](int64_t j) { own[j] = j == k ? 1 : 0; });
    const double tau = x.tauV[k];
    if (tau != 0)
      forEachByWarp(k + 1, n,
                    [&](int j) { applyReflection(x.v + int64_t{j} * n + k + 1, x.row, tau, rest); });
  }
  syncBlock();
}

/// What all threads are to do.
struct Turns {
  enum Kind : int {
    done,
    failed,
    step,      ///< rows j and j + 1 of v and u, for j from `first` up to `last` - 1
    lastRow,   ///< rows j and `fixed` of v, for j from `last` - 1 down to `first`
    splitRow,  ///< rows j and `fixed` of u, for j from `first` up to `last` - 1
  } kind;
  int first, last, fixed;
};

/// By one thread: one implicitly shifted QR step on rows k to p - 1 of the bidiagonal matrix.
WG_DEV void singularStep(const SingularWork& x, int n, int k, int p) {
  double *const s = x.s, *const e = x.e, *const turns = x.turns;
  double scale = 0;
  const double sizes[] = {s[p - 1], s[p - 2], e[p - 2], s[k], e[k]};
  WG_UNROLL
  for (int i = 0; i < 5; i++) scale = abs(sizes[i]) > scale ? abs(sizes[i]) : scale;
  const double sp = s[p - 1] / scale, before = s[p - 2] / scale, ep = e[p - 2] / scale;
  const double sk = s[k] / scale, ek = e[k] / scale;
  const double b = ((before + sp) * (before - sp) + ep * ep) / 2, c2 = (sp * ep) * (sp * ep);
  double shift = 0;
  if (b != 0 || c2 != 0) {
    shift = sqrt(b * b + c2);
    if (b < 0) shift = -shift;
    shift = c2 / (b + shift);
  }
  double f = (sk + sp) * (sk - sp) + shift, g = sk * ek;
  for (int j = k; j < p - 1; j++) {
    double c, sn, r;
    angle(f, g, c, sn, r);
    if (j != k) e[j - 1] = r;
    f = c * s[j] + sn * e[j];
    e[j] = c * e[j] - sn * s[j];
    g = sn * s[j + 1];
    s[j + 1] = c * s[j + 1];
    turns[j] = c;
    turns[n + j] = sn;
    angle(f, g, c, sn, r);
    s[j] = r;
    f = c * e[j] + sn * s[j + 1];
    s[j + 1] = c * s[j + 1] - sn * e[j];
    g = sn * e[j + 1];
    e[j + 1] = c * e[j + 1];
    turns[2 * n + j] = c;
    turns[3 * n + j] = sn;
  }
  e[p - 2] = f;
}

/// Where the iteration stands: rows from p on are done.
struct SingularState {
  int p, rounds = 0;
};

/// By one thread: goes on until there is something to turn.
WG_DEV Turns nextTurns(SingularState& state, const SingularWork& x, int n) {
  constexpr double kEpsilon = 0x1p-52, kTiny = 0x1p-966;
  double *const s = x.s, *const e = x.e;
  int k;
  for (;; state.rounds = 0) {
    if (state.p == 0) return {Turns::done, 0, 0, 0};
    for (k = state.p - 2; k >= 0; k--) {
      if (abs(e[k]) > kTiny + kEpsilon * (abs(s[k]) + abs(s[k + 1]))) continue;
      e[k] = 0;
      break;
    }
    if (k != state.p - 2) break;
    // s[p - 1] is done; its sign goes to its row of v.
    const int i = --state.p;
    x.tauV[i] = s[i] <= 0 ? -1 : 1;
    s[i] = abs(s[i]);
  }
  const int p = state.p;
  if (++state.rounds > 75) return {Turns::failed, 0, 0, 0};
  int zero = p - 1;
  for (; zero > k; zero--) {
    const double near = (zero != p - 1 ? abs(e[zero]) : 0) + (zero != k + 1 ? abs(e[zero - 1]) : 0);
    if (abs(s[zero]) > kTiny + kEpsilon * near) continue;
    s[zero] = 0;
    break;
  }
  if (zero == k) {
    singularStep(x, n, k + 1, p);
    return {Turns::step, k + 1, p - 1, 0};
  }
  const bool last = zero == p - 1;  // a negligible s[p - 1]: turn e[p - 2] away; another splits the matrix
  double f = last ? e[p - 2] : e[zero], c, sn, r;
  e[last ? p - 2 : zero] = 0;
  for (int i = 0, count = last ? p - 2 - k : p - 1 - zero; i < count; i++) {
    const int j = last ? p - 2 - i : zero + 1 + i;
    angle(s[j], f, c, sn, r);
    s[j] = r;
    if (!last) {
      f = -sn * e[j];
      e[j] = c * e[j];
    } else if (j != k + 1) {
      f = -sn * e[j - 1];
      e[j - 1] = c * e[j - 1];
    }
    x.turns[(last ? 0 : 2 * n) + j] = c;
    x.turns[(last ? n : 3 * n) + j] = sn;
  }
  return last ? Turns{Turns::lastRow, k + 1, p - 1, p - 1} : Turns{Turns::splitRow, zero + 1, p, zero};
}

/// a = c a + s b, b = c b - s a.
WG_DEV void turn(double& a, double& b, double c, double s) {
  const double t = c * a + s * b;
  b = c * b - s * a;
  a = t;
}

/// A thread a column of v and u, which are rows of memory.
WG_DEV void applyTurns(const SingularWork& x, const Turns& t, int m, int n) {
  forEach(int64_t{n} + m, [&](int64_t i) {
    const bool ofU = i >= n;
    if (t.kind == (ofU ? Turns::lastRow : Turns::splitRow)) return;
    const int64_t width = ofU ? m : n;
    double* const column = ofU ? x.u + i - n : x.v + i;
    const double* const cosines = x.turns + (ofU ? 2 * n : 0);
    const double* const sines = cosines + n;
    double held = column[(t.kind == Turns::step ? t.first : t.fixed) * width];
    if (t.kind == Turns::step) {
      for (int j = t.first; j < t.last; j++) {
        double next = column[(j + 1) * width];
        turn(held, next, cosines[j], sines[j]);
        column[j * width] = held;
        held = next;
      }
      column[t.last * width] = held;
      return;
    }
    for (int k = 0; k < t.last - t.first; k++) {
      const int j = t.kind == Turns::lastRow ? t.last - 1 - k : t.first + k;
      double other = column[j * width];
      turn(other, held, cosines[j], sines[j]);
      column[j * width] = other;
    }
    column[t.fixed * width] = held;
  });
}

/// Brings the bidiagonal matrix to its singular values, in no order: x.order says which comes where in a
/// descending one, and x.tauV by what the rows of v are to be multiplied. False when it did not converge.
WG_DEV bool iterateSingular(const SingularWork& x, int m, int n) {
  WG_SHARED(Turns, told, [1]);
  SingularState state{n};
  for (;;) {
    if (threadIdx.x == 0) {
      Turns next;
      do next = nextTurns(state, x, n);
      while (!x.v && next.kind > Turns::failed);
      told[0] = next;
    }
    syncBlock();
    const Turns turns = told[0];
    if (turns.kind > Turns::failed) applyTurns(x, turns, m, n);
    syncBlock();
    if (turns.kind > Turns::failed) continue;
    if (turns.kind == Turns::done) sortRanks(x.s, n, true, x.order);
    return turns.kind == Turns::done;
  }
}

}  // namespace wg::cuda
