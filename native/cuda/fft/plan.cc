#include "plan.h"

namespace wg::cuda {

FftPlan planFft(int64_t length) {
  FftPlan plan;
  plan.length = plan.size = length;
  constexpr int kRadices[] = {4, 2, 3, 5, 7, 11, 13};
  int64_t rest = length;
  for (const int r : kRadices)
    while (rest % r == 0) rest /= r;
  if (rest > 1) {
    plan.bluestein = true;
    for (plan.size = 1; plan.size < 2 * length - 1;) plan.size *= 2;
  }
  const int64_t most = plan.isShort() ? kShortFft : kFftStage;
  FftStage stage;
  rest = plan.size;
  for (const int r : kRadices) {
    for (; rest % r == 0; rest /= r) {
      if (stage.size * r > most) {
        plan.stage[plan.stages++] = stage;
        stage = FftStage{.step = stage.step * static_cast<uint32_t>(stage.size)};
      }
      stage.radix[stage.count++] = static_cast<int8_t>(r);
      stage.size *= r;
    }
  }
  plan.stage[plan.stages++] = stage;
  return plan;
}

}  // namespace wg::cuda
