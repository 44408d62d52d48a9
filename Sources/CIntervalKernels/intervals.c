#include "CIntervalKernels.h"

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

CLONES void lockstep_interval_sums(
    const int16_t *weights, const int32_t *bias, const int32_t *pixels, int32_t output_pixels, int32_t taps,
    int32_t input_channels, int32_t output_channels, const int32_t *low, const int32_t *high, int32_t *lows,
    int32_t *highs) {
  const size_t channels = (size_t)output_channels;
  memcpy(lows, bias, (size_t)output_pixels * channels * sizeof(int32_t));
  memcpy(highs, bias, (size_t)output_pixels * channels * sizeof(int32_t));
  for (int32_t pixel = 0; pixel < output_pixels; pixel++) {
    // Sums wrap, as unsigned numbers do.
    uint32_t *restrict least = (uint32_t *)lows + (size_t)pixel * channels;
    uint32_t *restrict most = (uint32_t *)highs + (size_t)pixel * channels;
    for (int32_t tap = 0; tap < taps; tap++) {
      const int32_t source = pixels[(size_t)pixel * (size_t)taps + (size_t)tap];
      if (source < 0) continue;
      for (int32_t i = 0; i < input_channels; i++) {
        const size_t place = (size_t)source * (size_t)input_channels + (size_t)i;
        const int32_t a = low[place], b = high[place];
        if (a == 0 && b == 0) continue;
        const int16_t *restrict row = weights + ((size_t)tap * (size_t)input_channels + (size_t)i) * channels;
        if (a == b) {
          for (size_t o = 0; o < channels; o++) {
            const uint32_t product = (uint32_t)(row[o] * a);
            least[o] += product;
            most[o] += product;
          }
        } else {
          for (size_t o = 0; o < channels; o++) {
            const int32_t x = row[o] * a, y = row[o] * b;
            least[o] += (uint32_t)(x < y ? x : y);
            most[o] += (uint32_t)(x < y ? y : x);
          }
        }
      }
    }
  }
}
