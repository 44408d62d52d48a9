// Dense layers and convolutions: tiles of pixels times blocks of 16 output channels.
#include "requantization.h"

#include <string.h>

/// Sums of products for all outputs of one pixel.
CLONES static void portable_sums(
    const int16_t *codes, const int16_t *weights, ptrdiff_t length, ptrdiff_t outputs, const int32_t *bias,
    int32_t *sums) {
  for (ptrdiff_t output = 0; output < outputs; output++, weights += length) {
    uint32_t sum = (uint32_t)bias[output];
    for (ptrdiff_t i = 0; i < length; i++) sum += (uint32_t)(codes[i] * weights[i]);
    sums[output] = (int32_t)sum;
  }
}

/// `scratch` has room for a window's codes and all outputs' sums.
static void portable(const lockstep_affine *plan, const uint8_t *input, void *output, void *scratch) {
  int32_t *sums = scratch;
  int16_t *window = (int16_t *)(sums + plan->outputs);
  for (ptrdiff_t pixel = 0; pixel < plan->pixels; pixel++) {
    const uint8_t *from = input + plan->pixel_offsets[pixel];
    const int16_t *codes = (const int16_t *)from;
    if (!plan->is_contiguous) {
      for (ptrdiff_t unit = 0; unit < plan->units; unit++)
        memcpy(window + 2 * unit, from + plan->unit_offsets[unit], 4);
      codes = window;
    }
    portable_sums(codes, plan->weights, 2 * plan->units, plan->outputs, plan->bias, sums);
    lockstep_portable_codes(&plan->requantization, 0, plan->outputs, sums);
    ptrdiff_t first = pixel * plan->output_stride;
    if (plan->wide_output)
      for (ptrdiff_t i = 0; i < plan->outputs; i++) ((int16_t *)output)[first + i] = (int16_t)sums[i];
    else
      for (ptrdiff_t i = 0; i < plan->outputs; i++) ((uint8_t *)output)[first + i] = (uint8_t)sums[i];
  }
}

#if LOCKSTEP_HAS_VNNI
/// What differs between layers and is worth a loop of its own.
typedef struct {
  bool wide_input, shifts_left, has_nudge, ties_to_even;
  /// Whether outputs may be wide and `zero` other than 0.
  bool is_general;
} variant;

VNNI INLINE __m512i dot(__m512i sum, __m512i codes, __m512i weights, const bool wide) {
  return wide ? _mm512_dpwssd_epi32(sum, codes, weights) : _mm512_dpbusd_epi32(sum, codes, weights);
}

/// Lanes of blocks from `block` on that are outputs, at most `most`, as a mask.
VNNI INLINE uint64_t output_mask(const lockstep_affine *plan, ptrdiff_t block, ptrdiff_t most) {
  ptrdiff_t left = plan->outputs - 16 * block;
  return left >= most ? ~(uint64_t)0 >> (64 - most) : ((uint64_t)1 << left) - 1;
}

/// Clamps and stores the unclamped codes of a tile, four registers to one of bytes.
VNNI INLINE void store_narrow(
    const lockstep_affine *plan, uint8_t *output, ptrdiff_t pixel, ptrdiff_t count, ptrdiff_t block,
    const int P, const int B, __m512i codes[8][8]) {
  __m512i low = _mm512_set1_epi8((char)plan->requantization.low);
  __m512i high = _mm512_set1_epi8((char)plan->requantization.high);
  // Packing leaves four lanes of each register in each quarter.
  __m512i quarters = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  output += pixel * plan->output_stride + 16 * block;
  FOR_ALL(group, (P * B + 3) / 4) {
    int i = 4 * group;
    __m512i four[4];
    FOR_ALL(k, 4) {
      int at = i + k < P * B ? i + k : i;
      four[k] = codes[at / B][at % B];
    }
    __m512i bytes =
        _mm512_packus_epi16(_mm512_packs_epi32(four[0], four[1]), _mm512_packs_epi32(four[2], four[3]));
    bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, low), high);
    bytes = _mm512_permutexvar_epi32(quarters, bytes);
    int p = i / B, b = i % B;
    uint8_t *to = output + p * plan->output_stride + 16 * b;
    if (B >= 4) {
      if (p < count) _mm512_mask_storeu_epi8(to, output_mask(plan, block + b, 64), bytes);
    } else if (B == 2) {
      __mmask32 mask = (__mmask32)output_mask(plan, block, 32);
      if (p < count) _mm256_mask_storeu_epi8(to, mask, _mm512_castsi512_si256(bytes));
      if (p + 1 < count)
        _mm256_mask_storeu_epi8(to + plan->output_stride, mask, _mm512_extracti64x4_epi64(bytes, 1));
    } else {
      __mmask16 mask = (__mmask16)output_mask(plan, block, 16);
      if (p < count) _mm_mask_storeu_epi8(to, mask, _mm512_castsi512_si128(bytes));
      if (p + 1 < count)
        _mm_mask_storeu_epi8(to + plan->output_stride, mask, _mm512_extracti32x4_epi32(bytes, 1));
      if (p + 2 < count)
        _mm_mask_storeu_epi8(to + 2 * plan->output_stride, mask, _mm512_extracti32x4_epi32(bytes, 2));
      if (p + 3 < count)
        _mm_mask_storeu_epi8(to + 3 * plan->output_stride, mask, _mm512_extracti32x4_epi32(bytes, 3));
    }
  }
}

VNNI INLINE void store_wide(
    const lockstep_affine *plan, int16_t *output, ptrdiff_t pixel, ptrdiff_t count, ptrdiff_t block,
    const int P, const int B, __m512i codes[8][8]) {
  __m512i low = _mm512_set1_epi32(plan->requantization.low),
          high = _mm512_set1_epi32(plan->requantization.high);
  FOR_ALL(b, B) {
    __mmask16 mask = (__mmask16)output_mask(plan, block + b, 16);
    FOR_ALL(p, P) {
      __m512i clamped = _mm512_min_epi32(_mm512_max_epi32(codes[p][b], low), high);
      int16_t *to = output + (pixel + p) * plan->output_stride + 16 * (block + b);
      if (p < count) _mm256_mask_storeu_epi16(to, mask, _mm512_cvtepi32_epi16(clamped));
    }
  }
}

/// `count` (at most P) pixels from `pixel` on, P held in registers, times the B blocks of outputs from
/// `block` on.
VNNI INLINE void tile(
    const lockstep_affine *plan, const uint8_t *input, uint8_t *output, ptrdiff_t pixel, ptrdiff_t count,
    ptrdiff_t block, const int P, const int B, const variant v) {
  const uint8_t *window[8];
  FOR_ALL(p, P) window[p] = input + plan->pixel_offsets[pixel + (p < count ? p : count - 1)];
  const uint8_t *weights = (const uint8_t *)plan->weights + block * plan->units * 64;
  __m512i sum[8][8];
  FOR_ALL(b, B) {
    __m512i bias = _mm512_loadu_si512(plan->bias + 16 * (block + b));
    FOR_ALL(p, P) sum[p][b] = bias;
  }
  for (ptrdiff_t unit = 0; unit < plan->units; unit++, weights += 64 * B) {
    ptrdiff_t offset = plan->unit_offsets[unit];
    __m512i w[8];
    FOR_ALL(b, B) w[b] = _mm512_loadu_si512(weights + 64 * b);
    FOR_ALL(p, P) {
      int32_t four;
      memcpy(&four, window[p] + offset, 4);
      __m512i codes = _mm512_set1_epi32(four);
      FOR_ALL(b, B) sum[p][b] = dot(sum[p][b], codes, w[b], v.wide_input);
    }
  }
  FOR_ALL(b, B) {
    requantization16 c =
        load_requantization(&plan->requantization, 16 * (block + b), v.shifts_left, v.has_nudge);
    FOR_ALL(p, P) {
      sum[p][b] = unclamped_codes(&c, sum[p][b], v.shifts_left, v.has_nudge, v.ties_to_even);
      if (v.is_general) sum[p][b] = _mm512_add_epi32(sum[p][b], c.zero);
    }
  }
  if (v.is_general && plan->wide_output)
    store_wide(plan, (int16_t *)output, pixel, count, block, P, B, sum);
  else
    store_narrow(plan, output, pixel, count, block, P, B, sum);
}

/// All pixels times B blocks, P pixels at once and then ever fewer.
VNNI INLINE void pixels(
    const lockstep_affine *plan, const uint8_t *input, uint8_t *output, ptrdiff_t block, const int P,
    const int B, const variant v) {
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

VNNI INLINE void all_blocks(
    const lockstep_affine *plan, const uint8_t *input, uint8_t *output, const variant v) {
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
  all_blocks(plan, input, output, (variant){0});
}
VNNI static void vnni_narrow_nudged(const lockstep_affine *plan, const uint8_t *input, uint8_t *output) {
  all_blocks(plan, input, output, (variant){.has_nudge = true});
}
/// Whatever else a layer may want.
VNNI static void vnni_other(const lockstep_affine *plan, const uint8_t *input, uint8_t *output) {
  const lockstep_requantization *to = &plan->requantization;
  variant v = {
      .wide_input = plan->wide_input,
      .shifts_left = to->left,
      .has_nudge = to->nudge,
      .ties_to_even = to->ties_to_even,
      .is_general = true,
  };
  all_blocks(plan, input, output, v);
}
#endif

ptrdiff_t lockstep_affine_group(ptrdiff_t pixels, ptrdiff_t blocks) {
  // One pixel needs many sums under way at once; for several, weights and windows are to be loaded about as
  // often.
  if (pixels == 1 && blocks >= 8) return 8;
  return blocks >= 4 ? 4 : blocks >= 2 ? 2 : 1;
}

ptrdiff_t lockstep_affine_scratch(const lockstep_affine *plan) {
  return plan->instructions == LOCKSTEP_PORTABLE ? 4 * (plan->outputs + plan->units) : 0;
}

void lockstep_affine_run(const lockstep_affine *plan, const void *input, void *output, void *scratch) {
#if LOCKSTEP_HAS_VNNI
  if (plan->instructions == LOCKSTEP_VNNI) {
    const lockstep_requantization *to = &plan->requantization;
    if (plan->wide_input || plan->wide_output || to->left || to->ties_to_even || to->zero != 0)
      vnni_other(plan, input, output);
    else if (to->nudge)
      vnni_narrow_nudged(plan, input, output);
    else
      vnni_narrow(plan, input, output);
    return;
  }
#endif
  portable(plan, input, output, scratch);
}
