#include "CSimulationKernels.h"

#include <string.h>

void lockstep_gather_pixels(
    const uint8_t *source, ptrdiff_t source_stride, ptrdiff_t pixels, ptrdiff_t bytes, uint8_t *target) {
  // Copies of a fixed length are a load and a store; narrow pixels are the many ones.
  if (bytes <= 16) {
    for (ptrdiff_t pixel = 0; pixel < pixels; pixel++)
      memcpy(target + pixel * bytes, source + pixel * source_stride, 16);
    return;
  }
  for (ptrdiff_t pixel = 0; pixel < pixels; pixel++, source += source_stride, target += bytes) {
    memcpy(target, source, 16);
    for (ptrdiff_t byte = 16; byte < bytes; byte += 16) memcpy(target + byte, source + byte, 16);
  }
}
