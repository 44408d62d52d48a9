// Products of matrices whose lines lie one after another.
#include "CSimulationKernels.h"
#include "target.h"

void lockstep_pack_lines(
    bool wide, const void *codes, ptrdiff_t line_stride, ptrdiff_t depth_stride, ptrdiff_t lines, ptrdiff_t depth,
    int16_t *packed, int32_t *sums) {
  const uint8_t *narrow_codes = codes;
  const int16_t *wide_codes = codes;
  for (ptrdiff_t line = 0; line < lines; line++) {
    uint32_t sum = 0;
    for (ptrdiff_t k = 0; k < depth; k++) {
      ptrdiff_t at = line * line_stride + k * depth_stride;
      int16_t code = wide ? wide_codes[at] : (int16_t)narrow_codes[at];
      packed[line * depth + k] = code;
      sum += (uint32_t)code;
    }
    sums[line] = (int32_t)sum;
  }
}

CLONES void lockstep_line_products(
    const int16_t *line, const int16_t *others, ptrdiff_t count, ptrdiff_t depth, int64_t *sums) {
  for (ptrdiff_t other = 0; other < count; other++, others += depth) {
    int64_t sum = 0;
    for (ptrdiff_t k = 0; k < depth; k++) sum += (int32_t)line[k] * others[k];
    sums[other] = sum;
  }
}
