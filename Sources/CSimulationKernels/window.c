// Sums and maxima over windows, channel by channel.
#include "CSimulationKernels.h"
#include "target.h"

/// A function over windows of codes of a type: `sum` begins as `start` and takes in each code `x` by `step`.
#define DEFINE_WINDOW(name, type, start, step)                                                               \
  CLONES static void name(                                                                                   \
      const type *input, const int32_t *offsets, ptrdiff_t taps, ptrdiff_t channels, int32_t *results) {     \
    for (ptrdiff_t first = 0; first < channels; first += 64) {                                               \
      int32_t sums[64];                                                                                      \
      for (int lane = 0; lane < 64; lane++) sums[lane] = start;                                              \
      for (ptrdiff_t tap = 0; tap < taps; tap++) {                                                           \
        const type *codes = input + offsets[tap] + first;                                                    \
        for (int lane = 0; lane < 64; lane++) {                                                              \
          int32_t sum = sums[lane], x = codes[lane];                                                         \
          sums[lane] = step;                                                                                 \
        }                                                                                                    \
      }                                                                                                      \
      for (int lane = 0; lane < 64 && first + lane < channels; lane++) results[first + lane] = sums[lane];   \
    }                                                                                                        \
  }

DEFINE_WINDOW(sums_narrow, uint8_t, 0, sum + x)
DEFINE_WINDOW(sums_wide, int16_t, 0, sum + x)
DEFINE_WINDOW(maxima_narrow, uint8_t, INT32_MIN, x > sum ? x : sum)
DEFINE_WINDOW(maxima_wide, int16_t, INT32_MIN, x > sum ? x : sum)

void lockstep_window_sums(
    bool wide, const void *input, const int32_t *offsets, ptrdiff_t taps, ptrdiff_t channels, int32_t *sums) {
  if (wide)
    sums_wide(input, offsets, taps, channels, sums);
  else
    sums_narrow(input, offsets, taps, channels, sums);
}

void lockstep_window_maxima(
    bool wide, const void *input, const int32_t *offsets, ptrdiff_t taps, ptrdiff_t channels,
    int32_t *maxima) {
  if (wide)
    maxima_wide(input, offsets, taps, channels, maxima);
  else
    maxima_narrow(input, offsets, taps, channels, maxima);
}
