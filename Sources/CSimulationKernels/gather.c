#include "CSimulationKernels.h"

#include <string.h>

void lockstep_gather_pixels(
    const uint8_t *source, ptrdiff_t source_stride, ptrdiff_t pixels, ptrdiff_t bytes, uint8_t *target) {
  for (ptrdiff_t pixel = 0; pixel < pixels; pixel++, source += source_stride, target += bytes)
    for (ptrdiff_t byte = 0; byte < bytes; byte += 16) memcpy(target + byte, source + byte, 16);
}
