// Update rules of the optimizers for one element: its value p, its gradient g and what is remembered of it,
// in `slot`. PyTorch's formulas, its order of roundings included; the papers stand beside the classes in
// lib/optim.
#pragma once
#include "scalar.h"

namespace wg {
inline namespace WG_ISA {
namespace optim {

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

  template <class V>
  WG_HD void apply(V& p, V& g) const {
    if (maximize) g = -g;
    if (amount == 0) return;
    if (decoupled) p = p * all<V>(shrink);
    else g = g + all<V>(amount) * p;
  }
};

struct Sgd {
  static constexpr int kSlots = 1;
  Decay decay;
  double lr, momentum, dampening;
  bool first, hasMomentum, nesterov;

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
  static constexpr int kSlots = 3;
  Decay decay;
  double beta1, beta2, eps;
  double stepSize, inverseRoot;  ///< lr / (1 - b1^t), 1 / sqrt(1 - b2^t)
  bool amsgrad;

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
  static constexpr int kSlots = 2;
  Decay decay;
  double beta1, beta2, eps, stepSize;

  template <class V>
  WG_HD void operator()(V& p, V g, V* slot) const {
    decay.apply(p, g);
    slot[0] = mixed(slot[0], g, beta1);
    slot[1] = larger(all<V>(beta2) * slot[1], abs(g) + all<V>(eps));
    p = p - all<V>(stepSize) * (slot[0] / slot[1]);
  }
};

struct Nadam {
  static constexpr int kSlots = 2;
  Decay decay;
  double beta1, beta2, eps;
  double gradSize, meanSize, correction;  ///< factors of the gradient and of its mean, 1 - b2^t

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
  static constexpr int kSlots = 2;
  Decay decay;
  double beta1, beta2, eps;
  double stepSize, root;  ///< lr / (1 - b1^t); rectification * sqrt(1 - b2^t), or 0 for the plain mean

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
  static constexpr int kSlots = 3;
  Decay decay;
  double lr, alpha, eps, momentum;
  bool centered, hasMomentum;

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
  static constexpr int kSlots = 1;
  Decay decay;
  double stepSize, eps;

  template <class V>
  WG_HD void operator()(V& p, V g, V* slot) const {
    decay.apply(p, g);
    slot[0] = slot[0] + g * g;
    p = p - all<V>(stepSize) * (g / (sqrt(slot[0]) + all<V>(eps)));
  }
};

struct Adadelta {
  static constexpr int kSlots = 2;
  Decay decay;
  double lr, rho, eps;

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
  static constexpr int kSlots = 1;
  Decay decay;
  double lr, beta1, beta2;

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
  Decay decay;  // its amount belongs to the direction
  double beta1, beta2, eps, meanSize, inverseRoot;

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

}  // namespace optim
}  // namespace WG_ISA
}  // namespace wg
