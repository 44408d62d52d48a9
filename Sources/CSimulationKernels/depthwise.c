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

static void portable(const lockstep_depthwise *plan, const void *input, void *output) {
  for (ptrdiff_t row = 0; row < plan->rows; row++)
    for (ptrdiff_t place = 0, chunk = 0; place < plan->row_length; place += 64) {
      int32_t sums[64];
      portable_sums(plan, input, row * plan->input_row_stride + place, chunk, sums);
      lockstep_portable_codes(&plan->requantization, 64 * chunk, 64, sums);
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
/// What differs between layers and is worth a loop of its own.
typedef struct {
  bool shifts_left, has_nudge, ties_to_even, has_zero;
} variant;

/// One chunk of R rows of outputs, `count` codes of which are stored.
VNNI INLINE void chunk_of_rows(
    const lockstep_depthwise *plan, const uint8_t *input, uint8_t *output, ptrdiff_t count, ptrdiff_t chunk,
    const int R, const variant v) {
  __m512i sum[2][4];
  FOR_ALL(r, R)
    FOR_ALL(q, 4) sum[r][q] = _mm512_loadu_si512(plan->bias + 64 * chunk + 16 * q);
  const int8_t *weights = (const int8_t *)plan->weights + chunk * ((plan->taps + 3) / 4) * 256;
  for (ptrdiff_t tap = 0; tap < plan->taps; tap += 4, weights += 256) {
    FOR_ALL(r, R) {
      __m512i x[4];
      FOR_ALL(k, 4)
        x[k] = _mm512_loadu_si512(input + r * plan->input_row_stride + plan->tap_offsets[tap + k]);
      // Four neighbouring bytes are to be one code's four taps.
      __m512i low01 = _mm512_unpacklo_epi8(x[0], x[1]), high01 = _mm512_unpackhi_epi8(x[0], x[1]);
      __m512i low23 = _mm512_unpacklo_epi8(x[2], x[3]), high23 = _mm512_unpackhi_epi8(x[2], x[3]);
      __m512i taps[4] = {
          _mm512_unpacklo_epi16(low01, low23), _mm512_unpackhi_epi16(low01, low23),
          _mm512_unpacklo_epi16(high01, high23), _mm512_unpackhi_epi16(high01, high23)};
      FOR_ALL(q, 4) sum[r][q] = _mm512_dpbusd_epi32(sum[r][q], taps[q], _mm512_loadu_si512(weights + 64 * q));
    }
  }
  FOR_ALL(q, 4) {
    requantization16 c =
        load_requantization(&plan->requantization, 64 * chunk + 16 * q, v.shifts_left, v.has_nudge);
    FOR_ALL(r, R) {
      sum[r][q] = unclamped_codes(&c, sum[r][q], v.shifts_left, v.has_nudge, v.ties_to_even);
      if (v.has_zero) sum[r][q] = _mm512_add_epi32(sum[r][q], c.zero);
    }
  }
  // Requantisation has swapped the middle two of each four codes.
  __m512i in_order =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15));
  FOR_ALL(r, R) {
    // Packing saturates, and undoes the order that unpacking made.
    __m512i codes = _mm512_packus_epi16(
        _mm512_packs_epi32(sum[r][0], sum[r][1]), _mm512_packs_epi32(sum[r][2], sum[r][3]));
    codes = _mm512_shuffle_epi8(codes, in_order);
    codes = _mm512_max_epu8(codes, _mm512_set1_epi8((char)plan->requantization.low));
    codes = _mm512_min_epu8(codes, _mm512_set1_epi8((char)plan->requantization.high));
    if (count >= 64)
      _mm512_storeu_si512(output + r * plan->output_row_stride, codes);
    else
      _mm512_mask_storeu_epi8(output + r * plan->output_row_stride, ((__mmask64)1 << count) - 1, codes);
  }
}

VNNI INLINE void rows(
    const lockstep_depthwise *plan, const uint8_t *input, uint8_t *output, const variant v) {
  for (ptrdiff_t row = 0; row < plan->rows; row += 2) {
    for (ptrdiff_t place = 0, chunk = 0; place < plan->row_length; place += 64) {
      ptrdiff_t count = plan->row_length - place;
      if (row + 1 < plan->rows)
        chunk_of_rows(plan, input + place, output + place, count, chunk, 2, v);
      else
        chunk_of_rows(plan, input + place, output + place, count, chunk, 1, v);
      chunk = chunk + 1 == plan->period ? 0 : chunk + 1;
    }
    input += 2 * plan->input_row_stride;
    output += 2 * plan->output_row_stride;
  }
}

VNNI static void vnni(const lockstep_depthwise *plan, const uint8_t *input, uint8_t *output) {
  const lockstep_requantization *to = &plan->requantization;
  if (to->left || to->ties_to_even || to->zero != 0)
    rows(plan, input, output, (variant){to->left, to->nudge, to->ties_to_even, true});
  else if (to->nudge)
    rows(plan, input, output, (variant){.has_nudge = true});
  else
    rows(plan, input, output, (variant){0});
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
