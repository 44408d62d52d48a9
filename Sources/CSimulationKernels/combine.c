// Sums, differences and products, element by element.
#include "requantization.h"

CLONES static void portable(
    const lockstep_combine *plan, const uint8_t *left, const uint8_t *right, uint8_t *output) {
  const lockstep_requantization *to = &plan->requantization;
  for (ptrdiff_t i = 0; i < plan->count; i++) {
    int32_t a = left[i] - plan->left_zero, b = right[i] - plan->right_zero;
    int32_t sum;
    if (plan->sign == 0) {
      sum = a * b;
    } else {
      a = unclamped_code(
          &plan->left, 0, (int32_t)((uint32_t)a << plan->left_shift), to->left, true, to->ties_to_even);
      b = unclamped_code(
          &plan->right, 0, (int32_t)((uint32_t)b << plan->left_shift), to->left, true, to->ties_to_even);
      sum = (int32_t)((uint32_t)a + (uint32_t)plan->sign * (uint32_t)b);
    }
    int32_t code = unclamped_code(to, 0, sum, to->left, true, to->ties_to_even);
    code = code < to->low ? to->low : code;
    output[i] = (uint8_t)(code > to->high ? to->high : code);
  }
}

#if LOCKSTEP_HAS_VNNI
/// `unclamped_codes` with all lanes in their places.
VNNI INLINE __m512i
ordered_codes(const requantization16 *to, __m512i a, const bool shifts_left, const bool ties_to_even) {
  return _mm512_shuffle_epi32(unclamped_codes(to, a, shifts_left, true, ties_to_even), _MM_PERM_DBCA);
}

VNNI INLINE __m512i codes16(
    const lockstep_combine *plan, const requantization16 *to_left, const requantization16 *to_right,
    const requantization16 *to, const uint8_t *left, const uint8_t *right, __mmask16 mask, const int sign,
    const bool shifts_left, const bool ties_to_even) {
  __m512i a = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, left));
  __m512i b = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, right));
  a = _mm512_sub_epi32(a, _mm512_set1_epi32(plan->left_zero));
  b = _mm512_sub_epi32(b, _mm512_set1_epi32(plan->right_zero));
  __m512i sum;
  if (sign == 0) {
    sum = _mm512_mullo_epi32(a, b);
  } else {
    __m128i shift = _mm_cvtsi32_si128(plan->left_shift);
    a = ordered_codes(to_left, _mm512_sll_epi32(a, shift), shifts_left, ties_to_even);
    b = ordered_codes(to_right, _mm512_sll_epi32(b, shift), shifts_left, ties_to_even);
    sum = sign > 0 ? _mm512_add_epi32(a, b) : _mm512_sub_epi32(a, b);
  }
  return _mm512_add_epi32(ordered_codes(to, sum, shifts_left, ties_to_even), to->zero);
}

VNNI INLINE void elements(
    const lockstep_combine *plan, const uint8_t *left, const uint8_t *right, uint8_t *output, const int sign,
    const bool shifts_left, const bool ties_to_even) {
  requantization16 to_left = load_requantization(&plan->left, 0, shifts_left, true);
  requantization16 to_right = load_requantization(&plan->right, 0, shifts_left, true);
  requantization16 to = load_requantization(&plan->requantization, 0, shifts_left, true);
  __m512i low = _mm512_set1_epi32(plan->requantization.low),
          high = _mm512_set1_epi32(plan->requantization.high);
  for (ptrdiff_t i = 0; i < plan->count; i += 16) {
    ptrdiff_t rest = plan->count - i;
    __mmask16 mask = rest >= 16 ? 0xFFFF : (__mmask16)((1u << rest) - 1);
    __m512i codes =
        codes16(plan, &to_left, &to_right, &to, left + i, right + i, mask, sign, shifts_left, ties_to_even);
    codes = _mm512_min_epi32(_mm512_max_epi32(codes, low), high);
    _mm_mask_storeu_epi8(output + i, mask, _mm512_cvtepi32_epi8(codes));
  }
}

VNNI static void vnni(
    const lockstep_combine *plan, const uint8_t *left, const uint8_t *right, uint8_t *output) {
  const lockstep_requantization *to = &plan->requantization;
  if (plan->sign == 1 && !to->left && !to->ties_to_even)
    elements(plan, left, right, output, 1, false, false);
  else
    elements(plan, left, right, output, plan->sign, to->left, to->ties_to_even);
}
#endif

void lockstep_combine_run(
    const lockstep_combine *plan, const uint8_t *left, const uint8_t *right, uint8_t *output) {
#if LOCKSTEP_HAS_VNNI
  if (plan->instructions == LOCKSTEP_VNNI) {
    vnni(plan, left, right, output);
    return;
  }
#endif
  portable(plan, left, right, output);
}

CLONES static void portable_linear_sum(
    const lockstep_linear_sum *plan, ptrdiff_t count, const uint8_t *left, const uint8_t *right,
    uint8_t *output) {
  for (ptrdiff_t i = 0; i < count; i++) {
    int32_t a = left[i], b = right[i];
    int32_t carry = (a * plan->left_low + b * plan->right_low + plan->addend_low) >> 15;
    int32_t code = (a * plan->left_high + b * plan->right_high + plan->addend_high + carry) >> plan->shift;
    code = code < plan->low ? plan->low : code;
    output[i] = (uint8_t)(code > plan->high ? plan->high : code);
  }
}

#if LOCKSTEP_HAS_VNNI
VNNI INLINE __m512i pair_of_words(int16_t a, int16_t b) {
  return _mm512_set1_epi32((int32_t)((uint32_t)(uint16_t)a | (uint32_t)(uint16_t)b << 16));
}

VNNI static void vnni_linear_sum(
    const lockstep_linear_sum *plan, ptrdiff_t count, const uint8_t *left, const uint8_t *right,
    uint8_t *output) {
  __m512i high = pair_of_words(plan->left_high, plan->right_high),
          low = pair_of_words(plan->left_low, plan->right_low);
  __m512i addend_high = _mm512_set1_epi32(plan->addend_high),
          addend_low = _mm512_set1_epi32(plan->addend_low);
  __m128i shift = _mm_cvtsi32_si128(plan->shift);
  __m512i least = _mm512_set1_epi8((char)plan->low), greatest = _mm512_set1_epi8((char)plan->high);
  for (ptrdiff_t i = 0; i < count; i += 64) {
    __m512i words[2];
    FOR_ALL(half, 2) {
      __m512i a = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const void *)(left + i + 32 * half)));
      __m512i b = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const void *)(right + i + 32 * half)));
      __m512i pairs[2] = {_mm512_unpacklo_epi16(a, b), _mm512_unpackhi_epi16(a, b)};
      FOR_ALL(k, 2) {
        __m512i carry = _mm512_srai_epi32(_mm512_dpwssd_epi32(addend_low, pairs[k], low), 15);
        __m512i sum = _mm512_add_epi32(_mm512_dpwssd_epi32(addend_high, pairs[k], high), carry);
        pairs[k] = _mm512_sra_epi32(sum, shift);
      }
      // Packing saturates, and undoes the order that unpacking made.
      words[half] = _mm512_packs_epi32(pairs[0], pairs[1]);
    }
    __m512i codes = _mm512_packus_epi16(words[0], words[1]);
    codes = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), codes);
    codes = _mm512_min_epu8(_mm512_max_epu8(codes, least), greatest);
    ptrdiff_t rest = count - i;
    if (rest >= 64)
      _mm512_storeu_si512(output + i, codes);
    else
      _mm512_mask_storeu_epi8(output + i, ((__mmask64)1 << rest) - 1, codes);
  }
}
#endif

void lockstep_linear_sum_run(
    const lockstep_linear_sum *plan, ptrdiff_t count, const uint8_t *left, const uint8_t *right,
    uint8_t *output) {
#if LOCKSTEP_HAS_VNNI
  if (plan->instructions == LOCKSTEP_VNNI) {
    vnni_linear_sum(plan, count, left, right, output);
    return;
  }
#endif
  portable_linear_sum(plan, count, left, right, output);
}
