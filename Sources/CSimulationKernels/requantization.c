// Portable requantisation.
#include "requantization.h"

INLINE void codes(
    const lockstep_requantization *to, ptrdiff_t first, ptrdiff_t count, int32_t *restrict sums,
    const bool shifts_left, const bool has_nudge, const bool ties_to_even) {
  // In a local, so that no store to sums can be thought to change it.
  const lockstep_requantization constants = *to;
  for (ptrdiff_t i = 0; i < count; i++) {
    int32_t code = unclamped_code(&constants, first + i, sums[i], shifts_left, has_nudge, ties_to_even);
    code = code < constants.low ? constants.low : code;
    sums[i] = code > constants.high ? constants.high : code;
  }
}

CLONES void lockstep_portable_codes(
    const lockstep_requantization *to, ptrdiff_t first, ptrdiff_t count, int32_t *sums) {
  if (to->left || to->ties_to_even)
    codes(to, first, count, sums, to->left, to->nudge, to->ties_to_even);
  else if (to->nudge)
    codes(to, first, count, sums, false, true, false);
  else
    codes(to, first, count, sums, false, false, false);
}
