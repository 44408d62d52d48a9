// Depthwise convolutions: rows of outputs in chunks of 64 codes.
#include "requantization.h"

/// The sums of one chunk of 64 codes.
CLONES static void portable_sums(
    const lockstep_depthwise *plan, const void *input, ptrdiff_t at, ptrdiff_t chunk, int32_t *sums) {
  int32_t sum[64];
  const int16_t *weights = (const int16_t *)plan->weights + chunk * plan->taps * 64;
  for (int lane = 0; lane < 64; lane++) sum[lane] = plan->bias[64 * chunk + lane];
  for (ptrdiff_t tap = 0; tap < plan->taps; tap++, weights += 64) {
    ptrdiff_t from = at + plan->tap_offsets[tap];
    if (plan->wide_input) {
      const int16_t *x = (const int16_t *)input + from;
      for (int lane = 0; lane < 64; lane++)
        sum[lane] = (int32_t)((uint32_t)sum[lane] + (uint32_t)(x[lane] * weights[lane]));
    } else {
      const uint8_t *x = (const uint8_t *)input + from;
      for (int lane = 0; lane < 64; lane++)
        sum[lane] = (int32_t)((uint32_t)sum[lane] + (uint32_t)(x[lane] * weights[lane]));
    }
  }
  for (int lane = 0; lane < 64; lane++) sums[lane] = sum[lane];
}

CLONES static void portable_codes(const lockstep_requantization *to, ptrdiff_t first, int32_t *sums) {
  for (int lane = 0; lane < 64; lane++) sums[lane] = clamped(to, unclamped_code(to, first + lane, sums[lane]));
}

static void portable(const lockstep_depthwise *plan, const void *input, void *output) {
  for (ptrdiff_t row = 0; row < plan->rows; row++)
    for (ptrdiff_t place = 0, chunk = 0; place < plan->row_length; place += 64) {
      int32_t sums[64];
      portable_sums(plan, input, row * plan->input_row_stride + place, chunk, sums);
      portable_codes(&plan->requantization, 64 * chunk, sums);
      ptrdiff_t at = row * plan->output_row_stride + place;
      for (int lane = 0; lane < 64 && place + lane < plan->row_length; lane++)
        if (plan->wide_output)
          ((int16_t *)output)[at + lane] = (int16_t)sums[lane];
        else
          ((uint8_t *)output)[at + lane] = (uint8_t)sums[lane];
      chunk = chunk + 1 == plan->period ? 0 : chunk + 1;
    }
}

#if LOCKSTEP_HAS_VNNI
/// The codes of one chunk, from the codes at `input`, which has the taps at their offsets.
VNNI INLINE __m512i chunk_codes(
    const lockstep_depthwise *plan, const uint8_t *input, ptrdiff_t chunk, const bool shifts_left, const bool has_nudge,
    const bool ties_to_even) {
  const lockstep_requantization *to = &plan->requantization;
  __m512i sum[4];
  UNROLL for (int r = 0; r < 4; r++) sum[r] = _mm512_loadu_si512(plan->bias + 64 * chunk + 16 * r);
  const int8_t *weights = (const int8_t *)plan->weights + chunk * ((plan->taps + 3) / 4) * 256;
  for (ptrdiff_t tap = 0; tap < plan->taps; tap += 4, weights += 256) {
    __m512i x0 = _mm512_loadu_si512(input + plan->tap_offsets[tap]);
    __m512i x1 = _mm512_loadu_si512(input + plan->tap_offsets[tap + 1]);
    __m512i x2 = _mm512_loadu_si512(input + plan->tap_offsets[tap + 2]);
    __m512i x3 = _mm512_loadu_si512(input + plan->tap_offsets[tap + 3]);
    // Four neighbouring bytes are to be one code's four taps.
    __m512i low01 = _mm512_unpacklo_epi8(x0, x1), high01 = _mm512_unpackhi_epi8(x0, x1);
    __m512i low23 = _mm512_unpacklo_epi8(x2, x3), high23 = _mm512_unpackhi_epi8(x2, x3);
    sum[0] = _mm512_dpbusd_epi32(sum[0], _mm512_unpacklo_epi16(low01, low23), _mm512_loadu_si512(weights));
    sum[1] = _mm512_dpbusd_epi32(sum[1], _mm512_unpackhi_epi16(low01, low23), _mm512_loadu_si512(weights + 64));
    sum[2] = _mm512_dpbusd_epi32(sum[2], _mm512_unpacklo_epi16(high01, high23), _mm512_loadu_si512(weights + 128));
    sum[3] = _mm512_dpbusd_epi32(sum[3], _mm512_unpackhi_epi16(high01, high23), _mm512_loadu_si512(weights + 192));
  }
  UNROLL for (int r = 0; r < 4; r++) {
    requantization16 c = load_requantization(to, 64 * chunk + 16 * r, shifts_left, has_nudge);
    sum[r] = unclamped_codes(&c, sum[r], shifts_left, has_nudge, ties_to_even);
  }
  // Packing saturates, and undoes the order that unpacking made.
  __m512i codes = _mm512_packus_epi16(_mm512_packs_epi32(sum[0], sum[1]), _mm512_packs_epi32(sum[2], sum[3]));
  codes = _mm512_max_epu8(codes, _mm512_set1_epi8((char)to->low));
  return _mm512_min_epu8(codes, _mm512_set1_epi8((char)to->high));
}

VNNI INLINE void rows(
    const lockstep_depthwise *plan, const uint8_t *input, uint8_t *output, const bool shifts_left, const bool has_nudge,
    const bool ties_to_even) {
  for (ptrdiff_t row = 0; row < plan->rows; row++) {
    ptrdiff_t chunk = 0;
    for (ptrdiff_t place = 0; place < plan->row_length; place += 64) {
      __m512i codes = chunk_codes(plan, input + place, chunk, shifts_left, has_nudge, ties_to_even);
      ptrdiff_t left = plan->row_length - place;
      if (left >= 64)
        _mm512_storeu_si512(output + place, codes);
      else
        _mm512_mask_storeu_epi8(output + place, ((__mmask64)1 << left) - 1, codes);
      chunk = chunk + 1 == plan->period ? 0 : chunk + 1;
    }
    input += plan->input_row_stride;
    output += plan->output_row_stride;
  }
}

VNNI static void vnni(const lockstep_depthwise *plan, const uint8_t *input, uint8_t *output) {
  const lockstep_requantization *to = &plan->requantization;
  if (to->left || to->ties_to_even)
    rows(plan, input, output, to->left, to->nudge, to->ties_to_even);
  else if (to->nudge)
    rows(plan, input, output, false, true, false);
  else
    rows(plan, input, output, false, false, false);
}
#endif

void lockstep_depthwise_run(const lockstep_depthwise *plan, const void *input, void *output) {
#if LOCKSTEP_HAS_VNNI
  if (plan->instructions == LOCKSTEP_VNNI && !plan->wide_input && !plan->wide_output) {
    vnni(plan, input, output);
    return;
  }
#endif
  portable(plan, input, output);
}
