// Which shape of register tile suits this machine's cores.
#pragma once

namespace wg::cpu {

/// Whether products run in wide tiles (6 rows by 4 vectors) instead of tall ones (14 by 2), where registers
/// hold both: cores that do two 512-bit multiply-adds a cycle are short of loads, of which a wide tile makes
/// 10 for 24 and a tall one 16 for 28. Either gives the same bits. WARPGRAD_TILES, "wide" or "tall", decides
/// instead.
extern const bool kWideTiles;

/// Why WARPGRAD_TILES could not be honoured, or null.
const char* tilesComplaint();

}  // namespace wg::cpu
