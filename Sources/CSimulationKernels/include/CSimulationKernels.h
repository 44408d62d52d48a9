// The array loops of the simulator: weighted sums over windows, and the way back from sums to codes.
//
// Codes are stored offset-binary: 8-bit codes as uint8_t (code less the type's lowest), longer ones as
// int16_t. All sums wrap in 32 bits; they are exact because their ranges are proved. Arrays may be read up to
// 256 bytes past their end; what stands there plays no part.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Which instructions a kernel uses. The layout of weights and constants depends on it.
typedef enum {
  /// Plain loops, vectorised by the compiler.
  LOCKSTEP_PORTABLE = 0,
  /// x86-64 with AVX-512 and its 8-bit and 16-bit dot products.
  LOCKSTEP_VNNI = 1,
} lockstep_instructions;

/// The fastest that this machine has.
lockstep_instructions lockstep_best_instructions(void);

/// From a sum a to a stored code, lane by lane:
///
///   clamp(zero + floor(((a · 2^left) · mantissa + addend − [a < 0] · nudge) / 2^shift))
///
/// Every rounding rule is a choice of these constants, but for ties to even, which adds one more where the
/// floor without addend is odd. For VNNI lanes come in blocks of 16, and 64-bit constants hold a block's even
/// lanes first, then its odd ones.
typedef struct {
  const int32_t *mantissa;
  /// NULL where no lane shifts left.
  const int32_t *left;
  const int64_t *addend;
  const int64_t *shift;
  /// NULL where no lane has a nudge.
  const int64_t *nudge;
  bool ties_to_even;
  /// In stored codes.
  int32_t zero, low, high;
} lockstep_requantization;

/// Windows times weights for all output channels of one group.
typedef struct {
  lockstep_instructions instructions;
  /// Whether inputs and weights are int16_t, else uint8_t and int8_t, which portable loops do not take.
  bool wide_input;
  /// Whether outputs are int16_t, else uint8_t.
  bool wide_output;
  /// Where each output pixel's window begins, in bytes from the input.
  const int32_t *pixel_offsets;
  ptrdiff_t pixels;
  /// A window is units of four bytes; offsets from the window's begin.
  const int32_t *unit_offsets;
  ptrdiff_t units;
  /// Whether the units follow each other.
  bool is_contiguous;
  ptrdiff_t outputs;
  /// Codes from one pixel's outputs to the next one's.
  ptrdiff_t output_stride;
  /// Zero where there is no output or no input. VNNI: [group of blocks][unit][block of 16 outputs][16][4
  /// bytes], groups as `lockstep_affine_group` says, and the middle two of each four outputs, here and in the
  /// constants below, in each other's place. Portable: [output][unit][4 bytes].
  const void *weights;
  /// For each output, padded to whole blocks.
  const int32_t *bias;
  lockstep_requantization requantization;
} lockstep_affine;

/// How many of `blocks` blocks of outputs a kernel computes together, where a layer has `pixels` pixels.
ptrdiff_t lockstep_affine_group(ptrdiff_t pixels, ptrdiff_t blocks);

/// Bytes of scratch memory that a run needs.
ptrdiff_t lockstep_affine_scratch(const lockstep_affine *plan);

void lockstep_affine_run(const lockstep_affine *plan, const void *input, void *output, void *scratch);

/// Windows times weights where each output channel reads one channel. A row of outputs is one run of codes;
/// for each tap the codes it reads are such a run as well. Constants repeat after `period` chunks of 64
/// codes.
typedef struct {
  lockstep_instructions instructions;
  bool wide_input, wide_output;
  ptrdiff_t rows, row_length;
  /// In codes.
  ptrdiff_t input_row_stride, output_row_stride;
  /// In codes; padded to a multiple of four by repetition.
  const int32_t *tap_offsets;
  ptrdiff_t taps;
  ptrdiff_t period;
  /// Portable: int16_t [chunk][tap][64]. VNNI: int8_t [chunk][four taps][4][16][tap], where the code 16·l +
  /// 4·r + j of a chunk stands in [r][4·l + j], the order in which unpacking leaves the codes. The constants
  /// below are in the same order.
  const void *weights;
  const int32_t *bias;
  lockstep_requantization requantization;
} lockstep_depthwise;

void lockstep_depthwise_run(const lockstep_depthwise *plan, const void *input, void *output);

/// Copies `pixels` blocks of `bytes` bytes, `source_stride` apart, to consecutive places. Writes up to 15
/// bytes more than it should, which the caller overwrites or has to spare.
void lockstep_gather_pixels(
    const uint8_t *source, ptrdiff_t source_stride, ptrdiff_t pixels, ptrdiff_t bytes, uint8_t *target);

/// Sum, difference or product of two tensors of 8-bit codes, element by element.
typedef struct {
  lockstep_instructions instructions;
  ptrdiff_t count;
  /// +1 for a sum, −1 for a difference, 0 for a product of `code − zero`.
  int32_t sign;
  /// What a stored code less `zero` is multiplied with before it is rescaled (a power of two).
  int32_t left_zero, right_zero, left_shift;
  /// To the common scale; one lane, repeated to a block. No clamp. Not used by products.
  lockstep_requantization left, right;
  lockstep_requantization requantization;
} lockstep_combine;

void lockstep_combine_run(
    const lockstep_combine *plan, const uint8_t *left, const uint8_t *right, uint8_t *output);

/// A sum or difference of two tensors of 8-bit codes, where its rescaling amounts to a rounded linear
/// function:
///
///   clamp((a·left_high + b·right_high + addend_high + ((a·left_low + b·right_low + addend_low) >> 15)) >> shift)
///
/// of stored codes a and b: a·M + b·N + C over 2^(15 + shift), computed in 32 bits.
typedef struct {
  lockstep_instructions instructions;
  int16_t left_high, right_high, left_low, right_low;
  int32_t addend_high, addend_low;
  int32_t shift, low, high;
} lockstep_linear_sum;

void lockstep_linear_sum_run(
    const lockstep_linear_sum *plan, ptrdiff_t count, const uint8_t *left, const uint8_t *right,
    uint8_t *output);

/// For each of `channels` channels the sum, or the maximum, of the codes at `taps` offsets. Codes are int16_t
/// where `wide`, else uint8_t; offsets are in codes. A maximum of no codes is INT32_MIN.
void lockstep_window_sums(
    bool wide, const void *input, const int32_t *offsets, ptrdiff_t taps, ptrdiff_t channels, int32_t *sums);
void lockstep_window_maxima(
    bool wide, const void *input, const int32_t *offsets, ptrdiff_t taps, ptrdiff_t channels,
    int32_t *maxima);

/// Copies `lines` lines of `depth` stored codes, whose elements lie `line_stride` and `depth_stride` apart, one after
/// another, and adds up each.
void lockstep_pack_lines(
    bool wide, const void *codes, ptrdiff_t line_stride, ptrdiff_t depth_stride, ptrdiff_t lines, ptrdiff_t depth,
    int16_t *packed, int32_t *sums);
/// The dot products of one line with each of `count` others.
void lockstep_line_products(
    const int16_t *line, const int16_t *others, ptrdiff_t count, ptrdiff_t depth, int64_t *sums);

#ifdef __cplusplus
}
#endif
