// Update rules of the optimizers for one element: its value p, its gradient g and what is remembered of it,
// in `slot`. PyTorch's formulas, its order of roundings included; the papers stand beside the classes in
// lib/optim.
//
// A rule is made for one step by make(hyper-parameters, state, flags, present), which advances the state;
// `present` has a bit for each list of slots that there is.
#pragma once
#include "power.h"

namespace wg {
inline namespace WG_ISA {
namespace optim {

/// Bits of a step's `flags`, the same as in lib/ops/optim-steps.ts.
inline constexpr int32_t kMaximize = 1, kDecoupled = 2, kNesterov = 4, kWarmup = 8;

/// A float64 vector of hyper-parameters, and one of what changes from step to step.
struct Numbers {
  const double* data;
  int64_t stride;
  WG_HD double operator[](int i) const { return data[i * stride]; }
};
struct Cells {
  double* data;
  int64_t stride;
  WG_HD double& operator[](int i) const { return data[i * stride]; }
};

/// A loss scale and the steps since it last changed, moved on by a step whose gradients were all finite or
/// not.
WG_HD void moveScale(Cells state, bool notFinite, double growth, double backoff, double interval) {
  const double good = notFinite ? 0 : state[1] + 1;
  const bool grows = good >= interval;
  state[0] *= notFinite ? backoff : grows ? growth : 1.0;
  state[1] = grows ? 0 : good;
}

/// base^n for a whole n >= 0.
WG_HD double power(double base, double n) {
  double result = 1.0;
  for (uint64_t k = static_cast<uint64_t>(n < 0 ? 0.0 : n); k != 0; k >>= 1) {
    if ((k & 1) != 0) result *= base;
    base *= base;
  }
  return result;
}

template <class V>
WG_HD V all(double x) {
  return V(static_cast<ElementOf<V>>(x));
}
/// The larger; NaN when either is.
template <class V>
WG_HD V larger(V a, V b) {
  return select(a != a, a, select(a > b, a, b));
}
/// The running mean `old` moved towards x.
template <class V>
WG_HD V mixed(V old, V x, double keep) {
  return all<V>(keep) * old + all<V>(1.0 - keep) * x;
}

/// What every rule does first: turns the gradient to maximize, and decays the weight.
struct Decay {
  double amount, shrink;  ///< added to the gradient as amount * p, or p *= shrink when decoupled
  bool decoupled, maximize;

  WG_HD static Decay make(double amount, double lr, int32_t flags) {
    return {amount, 1 - lr * amount, (flags & kDecoupled) != 0, (flags & kMaximize) != 0};
  }

  template <class V>
  WG_HD void apply(V& p, V& g) const {
    if (maximize) g = -g;
    if (amount == 0) return;
    if (decoupled) p = p * all<V>(shrink);
    else g = g + all<V>(amount) * p;
  }
};

struct Sgd {
  static constexpr int kStates = 1, kHypers = 4;
  static constexpr int kSlots = 1;
  Decay decay;
  double lr, momentum, dampening;
  bool first, hasMomentum, nesterov;

  WG_HD static Sgd make(Numbers hyper, Cells state, int32_t flags, uint32_t present) {
    const double lr = hyper[0], done = state[0]++;
    return {Decay::make(hyper[3], lr, flags), lr, hyper[1], hyper[2], done == 0, (present & 1) != 0,
            (flags & kNesterov) != 0};
  }

  template <class V>
  WG_HD void operator()(V& p, V g, V* slot) const {
    decay.apply(p, g);
    if (hasMomentum) {
      slot[0] = first ? g : all<V>(momentum) * slot[0] + all<V>(1.0 - dampening) * g;
      g = nesterov ? g + all<V>(momentum) * slot[0] : slot[0];
    }
    p = p - all<V>(lr) * g;
  }
};

struct Adam {
  static constexpr int kStates = 1, kHypers = 5;
  static constexpr int kSlots = 3;
  Decay decay;
  double beta1, beta2, eps;
  double stepSize, inverseRoot;  ///< lr / (1 - b1^t), 1 / sqrt(1 - b2^t)
  bool amsgrad;

  WG_HD static Adam make(Numbers hyper, Cells state, int32_t flags, uint32_t present) {
    const double lr = hyper[0], beta1 = hyper[1], beta2 = hyper[2], step = state[0] += 1;
    return {Decay::make(hyper[4], lr, flags),
            beta1,
            beta2,
            hyper[3],
            lr / (1 - power(beta1, step)),
            1 / sqrt(1 - power(beta2, step)),
            (present & 4) != 0};
  }

  template <class V>
  WG_HD void operator()(V& p, V g, V* slot) const {
    decay.apply(p, g);
    slot[0] = all<V>(beta1) * slot[0] + all<V>(1.0 - beta1) * g;
    slot[1] = all<V>(beta2) * slot[1] + all<V>(1.0 - beta2) * g * g;
    if (amsgrad) slot[2] = larger(slot[2], slot[1]);
    const V square = amsgrad ? slot[2] : slot[1];
    p = p - all<V>(stepSize) * (slot[0] / (sqrt(square) * all<V>(inverseRoot) + all<V>(eps)));
  }
};

struct Adamax {
  static constexpr int kStates = 1, kHypers = 5;
  static constexpr int kSlots = 2;
  Decay decay;
  double beta1, beta2, eps, stepSize;

  WG_HD static Adamax make(Numbers hyper, Cells state, int32_t flags, uint32_t) {
    const double lr = hyper[0], beta1 = hyper[1], step = state[0] += 1;
    return {Decay::make(hyper[4], lr, flags), beta1, hyper[2], hyper[3], lr / (1 - power(beta1, step))};
  }

  template <class V>
  WG_HD void operator()(V& p, V g, V* slot) const {
    decay.apply(p, g);
    slot[0] = mixed(slot[0], g, beta1);
    slot[1] = larger(all<V>(beta2) * slot[1], abs(g) + all<V>(eps));
    p = p - all<V>(stepSize) * (slot[0] / slot[1]);
  }
};

struct Nadam {
  static constexpr int kStates = 2, kHypers = 6;
  static constexpr int kSlots = 2;
  Decay decay;
  double beta1, beta2, eps;
  double gradSize, meanSize, correction;  ///< factors of the gradient and of its mean, 1 - b2^t

  WG_HD static Nadam make(Numbers hyper, Cells state, int32_t flags, uint32_t) {
    const double lr = hyper[0], beta1 = hyper[1], beta2 = hyper[2], step = state[0] += 1;
    // By our own pow: a C library's may differ from machine to machine.
    const double now = beta1 * (1 - 0.5 * math::pow(0.96, step * hyper[5]));
    const double next = beta1 * (1 - 0.5 * math::pow(0.96, (step + 1) * hyper[5]));
    const double product = state[1] = (step == 1 ? 1.0 : state[1]) * now;
    return {Decay::make(hyper[4], lr, flags),
            beta1,
            beta2,
            hyper[3],
            lr * (1 - now) / (1 - product),
            lr * next / (1 - product * next),
            1 - power(beta2, step)};
  }

  template <class V>
  WG_HD void operator()(V& p, V g, V* slot) const {
    decay.apply(p, g);
    slot[0] = mixed(slot[0], g, beta1);
    slot[1] = all<V>(beta2) * slot[1] + all<V>(1.0 - beta2) * g * g;
    const V root = sqrt(slot[1] / all<V>(correction)) + all<V>(eps);
    p = p - all<V>(gradSize) * (g / root);
    p = p - all<V>(meanSize) * (slot[0] / root);
  }
};

struct Radam {
  static constexpr int kStates = 1, kHypers = 5;
  static constexpr int kSlots = 2;
  Decay decay;
  double beta1, beta2, eps;
  double stepSize, root;  ///< lr / (1 - b1^t); rectification * sqrt(1 - b2^t), or 0 for the plain mean

  WG_HD static Radam make(Numbers hyper, Cells state, int32_t flags, uint32_t) {
    const double lr = hyper[0], beta1 = hyper[1], beta2 = hyper[2], step = state[0] += 1;
    const double correction = 1 - power(beta2, step);
    const double most = 2 / (1 - beta2) - 1, length = most - 2 * step * power(beta2, step) / correction;
    const double rectification =
        length > 5 ? sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)) : 0.0;
    return {Decay::make(hyper[4], lr, flags), beta1, beta2, hyper[3], lr / (1 - power(beta1, step)),
            rectification * sqrt(correction)};
  }

  template <class V>
  WG_HD void operator()(V& p, V g, V* slot) const {
    decay.apply(p, g);
    slot[0] = mixed(slot[0], g, beta1);
    slot[1] = all<V>(beta2) * slot[1] + all<V>(1.0 - beta2) * g * g;
    V mean = all<V>(stepSize) * slot[0];
    if (root != 0) mean = mean * (all<V>(root) / (sqrt(slot[1]) + all<V>(eps)));
    p = p - mean;
  }
};

struct RmsProp {
  static constexpr int kStates = 1, kHypers = 5;
  static constexpr int kSlots = 3;
  Decay decay;
  double lr, alpha, eps, momentum;
  bool centered, hasMomentum;

  WG_HD static RmsProp make(Numbers hyper, Cells state, int32_t flags, uint32_t present) {
    const double lr = hyper[0];
    state[0] += 1;
    return {Decay::make(hyper[3], lr, flags),
            lr,
            hyper[1],
            hyper[2],
            hyper[4],
            (present & 2) != 0,
            (present & 4) != 0};
  }

  template <class V>
  WG_HD void operator()(V& p, V g, V* slot) const {
    decay.apply(p, g);
    slot[0] = all<V>(alpha) * slot[0] + all<V>(1.0 - alpha) * g * g;
    V square = slot[0];
    if (centered) {
      slot[1] = mixed(slot[1], g, alpha);
      square = square - slot[1] * slot[1];
      square = select(square < V(ElementOf<V>(0)), V(ElementOf<V>(0)), square);  // rounding's doing
    }
    V change = g / (sqrt(square) + all<V>(eps));
    if (hasMomentum) change = slot[2] = all<V>(momentum) * slot[2] + change;
    p = p - all<V>(lr) * change;
  }
};

struct Adagrad {
  static constexpr int kStates = 1, kHypers = 4;
  static constexpr int kSlots = 1;
  Decay decay;
  double stepSize, eps;

  WG_HD static Adagrad make(Numbers hyper, Cells state, int32_t flags, uint32_t) {
    const double lr = hyper[0], done = state[0]++;
    return {Decay::make(hyper[2], lr, flags), lr / (1 + done * hyper[1]), hyper[3]};
  }

  template <class V>
  WG_HD void operator()(V& p, V g, V* slot) const {
    decay.apply(p, g);
    slot[0] = slot[0] + g * g;
    p = p - all<V>(stepSize) * (g / (sqrt(slot[0]) + all<V>(eps)));
  }
};

struct Adadelta {
  static constexpr int kStates = 1, kHypers = 4;
  static constexpr int kSlots = 2;
  Decay decay;
  double lr, rho, eps;

  WG_HD static Adadelta make(Numbers hyper, Cells state, int32_t flags, uint32_t) {
    const double lr = hyper[0];
    state[0] += 1;
    return {Decay::make(hyper[3], lr, flags), lr, hyper[1], hyper[2]};
  }

  template <class V>
  WG_HD void operator()(V& p, V g, V* slot) const {
    decay.apply(p, g);
    slot[0] = all<V>(rho) * slot[0] + all<V>(1.0 - rho) * g * g;
    const V change = sqrt(slot[1] + all<V>(eps)) / sqrt(slot[0] + all<V>(eps)) * g;
    slot[1] = all<V>(rho) * slot[1] + all<V>(1.0 - rho) * change * change;
    p = p - all<V>(lr) * change;
  }
};

struct Lion {
  static constexpr int kStates = 1, kHypers = 4;
  static constexpr int kSlots = 1;
  Decay decay;
  double lr, beta1, beta2;

  WG_HD static Lion make(Numbers hyper, Cells state, int32_t flags, uint32_t) {
    const double lr = hyper[0];
    state[0] += 1;
    return {Decay::make(hyper[3], lr, flags), lr, hyper[1], hyper[2]};
  }

  template <class V>
  WG_HD void operator()(V& p, V g, V* slot) const {
    decay.apply(p, g);
    const V mean = mixed(slot[0], g, beta1), zero = V(ElementOf<V>(0)), one = V(ElementOf<V>(1));
    const V sign = select(mean > zero, one, select(mean < zero, -one, mean));  // of 0 it is 0, of NaN NaN
    p = p - all<V>(lr) * sign;
    slot[0] = mixed(slot[0], g, beta2);
  }
};

/// The moments of LAMB; `direction` is what the trust ratio multiplies.
struct Lamb {
  static constexpr int kStates = 1, kHypers = 5;
  Decay decay;  // its amount belongs to the direction
  double lr, beta1, beta2, eps, meanSize, inverseRoot;

  WG_HD static Lamb make(Numbers hyper, Cells state, int32_t flags, uint32_t) {
    const double lr = hyper[0], beta1 = hyper[1], beta2 = hyper[2], step = state[0] += 1;
    return {Decay::make(hyper[4], lr, flags), lr, beta1, beta2, hyper[3], 1 / (1 - power(beta1, step)),
            1 / sqrt(1 - power(beta2, step))};
  }

  template <class V>
  WG_HD void moments(V g, V& mean, V& square) const {
    if (decay.maximize) g = -g;
    mean = mixed(mean, g, beta1);
    square = all<V>(beta2) * square + all<V>(1.0 - beta2) * g * g;
  }
  template <class V>
  WG_HD V direction(V p, V mean, V square) const {
    return all<V>(meanSize) * mean / (sqrt(square) * all<V>(inverseRoot) + all<V>(eps)) +
           all<V>(decay.amount) * p;
  }
};

/// A running average of the parameters: p is the average, g the parameter.
struct Ema {
  static constexpr int kSlots = 0, kStates = 1, kHypers = 1;
  double weight;

  WG_HD static Ema make(Numbers hyper, Cells state, int32_t flags, uint32_t) {
    const double done = state[0]++, early = (1 + done) / (10 + done), decay = hyper[0];
    return {1 - ((flags & kWarmup) != 0 && early < decay ? early : decay)};
  }

  template <class V>
  WG_HD void operator()(V& p, V g, V*) const {
    p = p + all<V>(weight) * (g - p);
  }
};

}  // namespace optim
}  // namespace WG_ISA
}  // namespace wg
