// Optimizer steps over all parameters at once: one pass reads and writes each value once. The rules are those
// of ops/optim.h; here are the numbers they share in a step.
#include "../ops/rows/optim.h"

#include "../ops/power.h"
#include "optim_step.h"

WG_PROTOTYPES(WG_OPTIM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// 0.96^x by our own pow: a C library's may differ from machine to machine.
double pow96(double x) {
  using V = simd::Vec<double>;
  return math::pow(V(0.96), V(x)).raw[0];
}

}  // namespace

void sgdStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& momentum,
             const InOut& state, const In& hyper, const int32_t& flags) {
  const Slots<1> slots{{&momentum}};
  if (!isVector(s, state, 1) || !isVector(s, hyper, 4) || !stepAgrees(s, params, grads, slots)) return;
  const double lr = numberAt(hyper, 0);
  const optim::Sgd rule{decayOf(numberAt(hyper, 3), lr, flags),
                        lr,
                        numberAt(hyper, 1),
                        numberAt(hyper, 2),
                        numberAt(state, 0) == 0,
                        momentum.count > 0,
                        (flags & kNesterov) != 0};
  Step<optim::Sgd>::all(s, params, grads, slots, rule);
  cellAt(state, 0) += 1;
}

void adamStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m, const InOutList& v,
              const InOutList& largest, const InOut& state, const In& hyper, const int32_t& flags) {
  const Slots<3> slots{{&m, &v, &largest}};
  if (!isVector(s, state, 1) || !isVector(s, hyper, 5) || !stepAgrees(s, params, grads, slots)) return;
  const double lr = numberAt(hyper, 0), beta1 = numberAt(hyper, 1), beta2 = numberAt(hyper, 2);
  const double step = numberAt(state, 0) + 1;
  const optim::Adam rule{decayOf(numberAt(hyper, 4), lr, flags),
                         beta1,
                         beta2,
                         numberAt(hyper, 3),
                         lr / (1 - power(beta1, step)),
                         1 / __builtin_sqrt(1 - power(beta2, step)),
                         largest.count > 0};
  Step<optim::Adam>::all(s, params, grads, slots, rule);
  cellAt(state, 0) = step;
}

void adamaxStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m,
                const InOutList& largest, const InOut& state, const In& hyper, const int32_t& flags) {
  const Slots<2> slots{{&m, &largest}};
  if (!isVector(s, state, 1) || !isVector(s, hyper, 5) || !stepAgrees(s, params, grads, slots)) return;
  const double lr = numberAt(hyper, 0), beta1 = numberAt(hyper, 1), step = numberAt(state, 0) + 1;
  const optim::Adamax rule{decayOf(numberAt(hyper, 4), lr, flags), beta1, numberAt(hyper, 2),
                           numberAt(hyper, 3), lr / (1 - power(beta1, step))};
  Step<optim::Adamax>::all(s, params, grads, slots, rule);
  cellAt(state, 0) = step;
}

void nadamStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m,
               const InOutList& v, const InOut& state, const In& hyper, const int32_t& flags) {
  const Slots<2> slots{{&m, &v}};
  if (!isVector(s, state, 2) || !isVector(s, hyper, 6) || !stepAgrees(s, params, grads, slots)) return;
  const double lr = numberAt(hyper, 0), beta1 = numberAt(hyper, 1), beta2 = numberAt(hyper, 2);
  const double step = numberAt(state, 0) + 1;
  const auto momentumAt = [&](double t) { return beta1 * (1 - 0.5 * pow96(t * numberAt(hyper, 5))); };
  const double now = momentumAt(step), next = momentumAt(step + 1);
  const double product = (step == 1 ? 1.0 : numberAt(state, 1)) * now;
  const optim::Nadam rule{decayOf(numberAt(hyper, 4), lr, flags),
                          beta1,
                          beta2,
                          numberAt(hyper, 3),
                          lr * (1 - now) / (1 - product),
                          lr * next / (1 - product * next),
                          1 - power(beta2, step)};
  Step<optim::Nadam>::all(s, params, grads, slots, rule);
  cellAt(state, 0) = step;
  cellAt(state, 1) = product;
}

void radamStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m,
               const InOutList& v, const InOut& state, const In& hyper, const int32_t& flags) {
  const Slots<2> slots{{&m, &v}};
  if (!isVector(s, state, 1) || !isVector(s, hyper, 5) || !stepAgrees(s, params, grads, slots)) return;
  const double lr = numberAt(hyper, 0), beta1 = numberAt(hyper, 1), beta2 = numberAt(hyper, 2);
  const double step = numberAt(state, 0) + 1, correction = 1 - power(beta2, step);
  const double most = 2 / (1 - beta2) - 1, length = most - 2 * step * power(beta2, step) / correction;
  const double rectification =
      length > 5 ? __builtin_sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length))
                 : 0.0;
  const optim::Radam rule{decayOf(numberAt(hyper, 4), lr, flags),
                          beta1,
                          beta2,
                          numberAt(hyper, 3),
                          lr / (1 - power(beta1, step)),
                          rectification * __builtin_sqrt(correction)};
  Step<optim::Radam>::all(s, params, grads, slots, rule);
  cellAt(state, 0) = step;
}

void rmspropStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& square,
                 const InOutList& mean, const InOutList& momentum, const InOut& state, const In& hyper,
                 const int32_t& flags) {
  const Slots<3> slots{{&square, &mean, &momentum}};
  if (!isVector(s, state, 1) || !isVector(s, hyper, 5) || !stepAgrees(s, params, grads, slots)) return;
  const double lr = numberAt(hyper, 0);
  const optim::RmsProp rule{decayOf(numberAt(hyper, 3), lr, flags),
                            lr,
                            numberAt(hyper, 1),
                            numberAt(hyper, 2),
                            numberAt(hyper, 4),
                            mean.count > 0,
                            momentum.count > 0};
  Step<optim::RmsProp>::all(s, params, grads, slots, rule);
  cellAt(state, 0) += 1;
}

void adagradStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& sum,
                 const InOut& state, const In& hyper, const int32_t& flags) {
  const Slots<1> slots{{&sum}};
  if (!isVector(s, state, 1) || !isVector(s, hyper, 4) || !stepAgrees(s, params, grads, slots)) return;
  const double lr = numberAt(hyper, 0), done = numberAt(state, 0);
  const optim::Adagrad rule{decayOf(numberAt(hyper, 2), lr, flags), lr / (1 + done * numberAt(hyper, 1)),
                            numberAt(hyper, 3)};
  Step<optim::Adagrad>::all(s, params, grads, slots, rule);
  cellAt(state, 0) = done + 1;
}

void adadeltaStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& square,
                  const InOutList& delta, const InOut& state, const In& hyper, const int32_t& flags) {
  const Slots<2> slots{{&square, &delta}};
  if (!isVector(s, state, 1) || !isVector(s, hyper, 4) || !stepAgrees(s, params, grads, slots)) return;
  const double lr = numberAt(hyper, 0);
  const optim::Adadelta rule{decayOf(numberAt(hyper, 3), lr, flags), lr, numberAt(hyper, 1),
                             numberAt(hyper, 2)};
  Step<optim::Adadelta>::all(s, params, grads, slots, rule);
  cellAt(state, 0) += 1;
}

void lionStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m, const InOut& state,
              const In& hyper, const int32_t& flags) {
  const Slots<1> slots{{&m}};
  if (!isVector(s, state, 1) || !isVector(s, hyper, 4) || !stepAgrees(s, params, grads, slots)) return;
  const double lr = numberAt(hyper, 0);
  const optim::Lion rule{decayOf(numberAt(hyper, 3), lr, flags), lr, numberAt(hyper, 1), numberAt(hyper, 2)};
  Step<optim::Lion>::all(s, params, grads, slots, rule);
  cellAt(state, 0) += 1;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
