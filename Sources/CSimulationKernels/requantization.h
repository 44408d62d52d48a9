// Requantisation of a block of 16 sums, portable and with AVX-512.
#pragma once

#include "CSimulationKernels.h"
#include "target.h"

/// The stored code of the sum `a` of `lane`, before it is clamped, with constants in portable order. Without
/// branches on `a`, which nothing could predict.
INLINE int32_t unclamped_code(
    const lockstep_requantization *to, ptrdiff_t lane, int32_t a, const bool shifts_left,
    const bool has_nudge, const bool ties_to_even) {
  int32_t shifted = shifts_left ? (int32_t)((uint32_t)a << to->left[lane]) : a;
  int64_t product = (int64_t)shifted * to->mantissa[lane];
  int64_t sum = product + to->addend[lane];
  if (has_nudge) sum -= to->nudge[lane] & -(int64_t)(a < 0);
  if (ties_to_even) sum += (product >> to->shift[lane]) & 1;
  return (int32_t)(sum >> to->shift[lane]) + to->zero;
}

/// The stored codes of `count` sums, in their place, with portable loops; `first` is the first one's lane.
void lockstep_portable_codes(
    const lockstep_requantization *to, ptrdiff_t first, ptrdiff_t count, int32_t *sums);

#if LOCKSTEP_HAS_VNNI
/// The constants of 16 lanes.
typedef struct {
  __m512i mantissa, mantissa_odd, left, addend_even, addend_odd, shift_even, shift_odd, nudge_even, nudge_odd;
  __m512i zero;
} requantization16;

VNNI INLINE requantization16 load_requantization(
    const lockstep_requantization *to, ptrdiff_t lane, const bool shifts_left, const bool has_nudge) {
  requantization16 c;
  c.mantissa = _mm512_loadu_si512(to->mantissa + lane);
  c.mantissa_odd = _mm512_srli_epi64(c.mantissa, 32);
  if (shifts_left) c.left = _mm512_loadu_si512(to->left + lane);
  c.addend_even = _mm512_loadu_si512(to->addend + lane);
  c.addend_odd = _mm512_loadu_si512(to->addend + lane + 8);
  c.shift_even = _mm512_loadu_si512(to->shift + lane);
  c.shift_odd = _mm512_loadu_si512(to->shift + lane + 8);
  if (has_nudge) {
    c.nudge_even = _mm512_loadu_si512(to->nudge + lane);
    c.nudge_odd = _mm512_loadu_si512(to->nudge + lane + 8);
  }
  c.zero = _mm512_set1_epi32(to->zero);
  return c;
}

/// `unclamped_code` of 16 sums, less `zero`. Of each four lanes the middle two change places: that is a
/// shuffle less, and packed weights and constants allow for it.
VNNI INLINE __m512i unclamped_codes(
    const requantization16 *c, __m512i a, const bool shifts_left, const bool has_nudge,
    const bool ties_to_even) {
  if (shifts_left) a = _mm512_sllv_epi32(a, c->left);
  // A 64-bit product uses the even lanes of its factors.
  __m512i product_even = _mm512_mul_epi32(a, c->mantissa);
  __m512i product_odd = _mm512_mul_epi32(_mm512_srli_epi64(a, 32), c->mantissa_odd);
  __m512i even = _mm512_add_epi64(product_even, c->addend_even);
  __m512i odd = _mm512_add_epi64(product_odd, c->addend_odd);
  if (has_nudge) {
    even = _mm512_mask_sub_epi64(even, _mm512_movepi64_mask(product_even), even, c->nudge_even);
    odd = _mm512_mask_sub_epi64(odd, _mm512_movepi64_mask(product_odd), odd, c->nudge_odd);
  }
  if (ties_to_even) {
    __m512i one = _mm512_set1_epi64(1);
    even = _mm512_add_epi64(even, _mm512_and_si512(_mm512_srav_epi64(product_even, c->shift_even), one));
    odd = _mm512_add_epi64(odd, _mm512_and_si512(_mm512_srav_epi64(product_odd, c->shift_odd), one));
  }
  even = _mm512_srav_epi64(even, c->shift_even);
  odd = _mm512_srav_epi64(odd, c->shift_odd);
  // The low halves of both.
  return _mm512_castps_si512(_mm512_shuffle_ps(_mm512_castsi512_ps(even), _mm512_castsi512_ps(odd), 0x88));
}
#endif
