// Dense layers and convolutions: tiles of pixels times blocks of 16 output channels.
#include "requantization.h"

#include <string.h>

INLINE void store_code(const lockstep_affine *plan, void *output, ptrdiff_t at, int32_t code) {
  if (plan->wide_output)
    ((int16_t *)output)[at] = (int16_t)code;
  else
    ((uint8_t *)output)[at] = (uint8_t)code;
}

/// One pixel, one block of 16 outputs; consecutive units of weights lie `stride` bytes apart.
CLONES static void portable_block(
    const lockstep_affine *plan, const uint8_t *window, const uint8_t *from, ptrdiff_t stride, int32_t *sums) {
  int32_t sum[16];
  memcpy(sum, sums, sizeof sum);
  for (ptrdiff_t run = 0; run < plan->runs; run++) {
    const uint8_t *codes = window + plan->run_offsets[run];
    for (ptrdiff_t unit = 0; unit < plan->run_units; unit++, from += stride, codes += 4) {
      if (plan->wide_input) {
        const int16_t *weights = (const int16_t *)from;
        int16_t x[2];
        memcpy(x, codes, 4);
        for (int lane = 0; lane < 16; lane++)
          sum[lane] = (int32_t)((uint32_t)sum[lane] + (uint32_t)(x[0] * weights[2 * lane]) +
                                (uint32_t)(x[1] * weights[2 * lane + 1]));
      } else {
        const int8_t *weights = (const int8_t *)from;
        for (int lane = 0; lane < 16; lane++)
          sum[lane] = (int32_t)((uint32_t)sum[lane] +
                                (uint32_t)(codes[0] * weights[4 * lane] + codes[1] * weights[4 * lane + 1] +
                                           codes[2] * weights[4 * lane + 2] + codes[3] * weights[4 * lane + 3]));
      }
    }
  }
  memcpy(sums, sum, sizeof sum);
}

CLONES static void portable_codes(const lockstep_requantization *to, ptrdiff_t first, int32_t *sums) {
  for (int lane = 0; lane < 16; lane++) sums[lane] = clamped(to, unclamped_code(to, first + lane, sums[lane]));
}

static void portable(const lockstep_affine *plan, const uint8_t *input, void *output) {
  ptrdiff_t blocks = (plan->outputs + 15) / 16;
  const uint8_t *weights = plan->weights;
  for (ptrdiff_t block = 0; block < blocks;) {
    ptrdiff_t group = lockstep_affine_group(plan->pixels, blocks - block);
    for (ptrdiff_t last = block + group, place = 0; block < last; block++, place++)
      for (ptrdiff_t pixel = 0; pixel < plan->pixels; pixel++) {
        int32_t sums[16];
        memcpy(sums, plan->bias + 16 * block, sizeof sums);
        portable_block(plan, input + plan->pixel_offsets[pixel], weights + 64 * place, 64 * group, sums);
        portable_codes(&plan->requantization, 16 * block, sums);
        for (ptrdiff_t lane = 0; lane < 16 && 16 * block + lane < plan->outputs; lane++)
          store_code(plan, output, pixel * plan->output_stride + 16 * block + lane, sums[lane]);
      }
    weights += group * plan->runs * plan->run_units * 64;
  }
}

#if LOCKSTEP_HAS_VNNI
/// What differs between layers and is worth a loop of its own.
typedef struct {
  bool wide_input, wide_output, shifts_left, has_nudge, ties_to_even;
} variant;

VNNI INLINE __m512i dot(__m512i sum, __m512i codes, __m512i weights, const bool wide) {
  return wide ? _mm512_dpwssd_epi32(sum, codes, weights) : _mm512_dpbusd_epi32(sum, codes, weights);
}

/// `count` (at most P) pixels from `pixel` on, P held in registers, times the B blocks of outputs from `block` on.
VNNI INLINE void tile(
    const lockstep_affine *plan, const uint8_t *input, uint8_t *output, ptrdiff_t pixel, ptrdiff_t count,
    ptrdiff_t block, const int P, const int B, const variant v) {
  const uint8_t *window[8];
  UNROLL for (int p = 0; p < P; p++)
    window[p] = input + plan->pixel_offsets[pixel + (p < count ? p : count - 1)];
  const uint8_t *weights = (const uint8_t *)plan->weights + block * plan->runs * plan->run_units * 64;
  __m512i sum[8][8];
  UNROLL for (int b = 0; b < B; b++) {
    __m512i bias = _mm512_loadu_si512(plan->bias + 16 * (block + b));
    UNROLL for (int p = 0; p < P; p++) sum[p][b] = bias;
  }
  for (ptrdiff_t run = 0; run < plan->runs; run++) {
    ptrdiff_t offset = plan->run_offsets[run];
    for (ptrdiff_t unit = 0; unit < plan->run_units; unit++, offset += 4, weights += 64 * B) {
      __m512i w[8];
      UNROLL for (int b = 0; b < B; b++) w[b] = _mm512_loadu_si512(weights + 64 * b);
      UNROLL for (int p = 0; p < P; p++) {
        int32_t four;
        memcpy(&four, window[p] + offset, 4);
        __m512i codes = _mm512_set1_epi32(four);
        UNROLL for (int b = 0; b < B; b++) sum[p][b] = dot(sum[p][b], codes, w[b], v.wide_input);
      }
    }
  }
  UNROLL for (int b = 0; b < B; b++) {
    ptrdiff_t first = 16 * (block + b);
    ptrdiff_t left = plan->outputs - first;
    __mmask16 mask = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1);
    requantization16 c = load_requantization(&plan->requantization, first, v.shifts_left, v.has_nudge);
    UNROLL for (int p = 0; p < P; p++) {
      __m512i codes = unclamped_codes(&c, sum[p][b], v.shifts_left, v.has_nudge, v.ties_to_even);
      codes = _mm512_min_epi32(_mm512_max_epi32(codes, c.low), c.high);
      ptrdiff_t at = (pixel + p) * plan->output_stride + first;
      if (p < count) {
        if (v.wide_output)
          _mm256_mask_storeu_epi16(output + 2 * at, mask, _mm512_cvtepi32_epi16(codes));
        else
          _mm_mask_storeu_epi8(output + at, mask, _mm512_cvtepi32_epi8(codes));
      }
    }
  }
}

/// All pixels times B blocks, P pixels at once and then ever fewer.
VNNI INLINE void pixels(
    const lockstep_affine *plan, const uint8_t *input, uint8_t *output, ptrdiff_t block, const int P, const int B,
    const variant v) {
  ptrdiff_t pixel = 0;
  for (; plan->pixels - pixel > P / 2; pixel += P) {
    ptrdiff_t count = plan->pixels - pixel;
    tile(plan, input, output, pixel, count < P ? count : P, block, P, B, v);
  }
  ptrdiff_t count = plan->pixels - pixel;
  if (count > 2)
    tile(plan, input, output, pixel, count, block, 4, B, v);
  else if (count == 2)
    tile(plan, input, output, pixel, count, block, 2, B, v);
  else if (count == 1)
    tile(plan, input, output, pixel, count, block, 1, B, v);
}

VNNI INLINE void all_blocks(const lockstep_affine *plan, const uint8_t *input, uint8_t *output, const variant v) {
  ptrdiff_t blocks = (plan->outputs + 15) / 16;
  for (ptrdiff_t block = 0; block < blocks;) {
    ptrdiff_t group = lockstep_affine_group(plan->pixels, blocks - block);
    switch (group) {
    case 8: tile(plan, input, output, 0, 1, block, 1, 8, v); break;
    case 4: pixels(plan, input, output, block, 6, 4, v); break;
    case 2: pixels(plan, input, output, block, 8, 2, v); break;
    default: pixels(plan, input, output, block, 8, 1, v);
    }
    block += group;
  }
}

VNNI static void vnni_narrow(const lockstep_affine *plan, const uint8_t *input, uint8_t *output) {
  all_blocks(plan, input, output, (variant){false, false, false, false, false});
}
VNNI static void vnni_narrow_nudged(const lockstep_affine *plan, const uint8_t *input, uint8_t *output) {
  all_blocks(plan, input, output, (variant){false, false, false, true, false});
}
/// Whatever else a layer may want.
VNNI static void vnni_other(const lockstep_affine *plan, const uint8_t *input, uint8_t *output) {
  const lockstep_requantization *to = &plan->requantization;
  all_blocks(
      plan, input, output, (variant){plan->wide_input, plan->wide_output, to->left, to->nudge, to->ties_to_even});
}
#endif

ptrdiff_t lockstep_affine_group(ptrdiff_t pixels, ptrdiff_t blocks) {
  // One pixel needs many sums under way at once; for several, weights and windows are to be loaded about as often.
  if (pixels == 1 && blocks >= 8) return 8;
  return blocks >= 4 ? 4 : blocks >= 2 ? 2 : 1;
}

void lockstep_affine_run(const lockstep_affine *plan, const void *input, void *output) {
#if LOCKSTEP_HAS_VNNI
  if (plan->instructions == LOCKSTEP_VNNI) {
    const lockstep_requantization *to = &plan->requantization;
    if (plan->wide_input || plan->wide_output || to->left || to->ties_to_even)
      vnni_other(plan, input, output);
    else if (to->nudge)
      vnni_narrow_nudged(plan, input, output);
    else
      vnni_narrow(plan, input, output);
    return;
  }
#endif
  portable(plan, input, output);
}
