// sortRows for rows of at most kShortRow elements.
#pragma once
#include "sort_rows.h"

namespace wg::cuda {

void sortShortRows(Stream& s, const View& values, const View& indices, const View& x, bool descending);

}  // namespace wg::cuda
