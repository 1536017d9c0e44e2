// The CUDA backend, as its library exports it.
#pragma once
#include "../core/backend.h"

namespace wg::cuda {

const Backend& backend();

}  // namespace wg::cuda
