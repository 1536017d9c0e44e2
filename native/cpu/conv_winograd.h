// 3 x 3 convolutions of stride 1 by Winograd's method: see conv_winograd.cc.
#pragma once
#include "conv_lowered.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Outputs of a tile along each axis, 2 or 4; 0 when the plain sum is faster or was asked for.
int64_t winogradTile(const Lowered<float>& op);
inline int64_t winogradTile(const Lowered<double>&) { return 0; }

size_t winogradBytes(const Lowered<float>& op, int64_t tile);
inline size_t winogradBytes(const Lowered<double>&, int64_t) { return 0; }

/// Needs that many bytes of s.scratch.
void winograd(Stream& s, const Lowered<float>& op, int64_t tile);
inline void winograd(Stream&, const Lowered<double>&, int64_t) {}

/// The weight gradient the same way, in conv_winograd_weight.cc: outputs of a tile along each axis, or 0.
int64_t winogradWeightTile(const View& dWeight, const View& x, const View& dy, const Conv2dParams& params);
size_t winogradWeightBytes(const View& dWeight, const View& x, const View& dy, const Conv2dParams& params,
                           int64_t tile);
/// Needs that many bytes of s.scratch.
void winogradWeight(Stream& s, const View& dWeight, const View& x, const View& dy, const Conv2dParams& params,
                    int64_t tile);

}  // namespace WG_ISA
}  // namespace wg::cpu
