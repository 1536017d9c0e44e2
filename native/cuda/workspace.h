// Scratch an op needs on the device besides its arguments; as native/cpu/workspace.h, with sizes of CUDA's
// own. `<op>Workspace` takes the op's arguments and returns bytes.
#pragma once

// clang-format off
#define WG_CUDA_WORKSPACE_OPS(X)
// clang-format on
