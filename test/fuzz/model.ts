// What warpgrad should do, written the plainest way: storages are float64 arrays, a view is an address rule, a graph is a
// tree of closures. Views of a tensor never remember a node of their own: each use derives it from the base's current
// expression, so the rule for in-place ops on views (copySlice on the base, siblings re-derived) falls out of the shape of
// the data. The fuzzer's numbers are small integers, for which float32 sums are exact in every order.
export * from './model/backward.ts';
export * from './model/in-place.ts';
export * from './model/ops.ts';
export * from './model/tensor.ts';
