// Ranges of sums, many channels at a time.
#ifndef LOCKSTEP_INTERVAL_KERNELS_H
#define LOCKSTEP_INTERVAL_KERNELS_H
#include <stdint.h>

// The least and largest value of every sum of products over a window, where each input lies in its own range: exact
// modulo 2^32. No product of a weight and an end of a range may pass 32 bits.
//   weights      [tap][input channel][output channel]
//   bias         [output pixel][output channel], with what padding adds
//   pixels       [output pixel][tap]: the input pixel that is read, below 0 in the padding
//   low, high    [input pixel][input channel]
//   lows, highs  [output pixel][output channel]: the results
void lockstep_interval_sums(
    const int16_t *weights, const int32_t *bias, const int32_t *pixels, int32_t output_pixels, int32_t taps,
    int32_t input_channels, int32_t output_channels, const int32_t *low, const int32_t *high, int32_t *lows,
    int32_t *highs);

#endif
