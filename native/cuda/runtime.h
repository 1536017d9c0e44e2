// The CUDA runtime API: CUDA's own, or the emulator's.
#pragma once
#ifdef WG_EMU
#include "../emu/runtime.h"
#else
#include <cuda_runtime_api.h>
#endif
