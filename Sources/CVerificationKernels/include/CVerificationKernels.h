// Searching inputs of chains of dense and convolution layers for counterexamples, move by move.
//
// Approximate where it may be: codes are computed in single precision. What is found is replayed on the exact program.
#ifndef LOCKSTEP_VERIFICATION_KERNELS_H
#define LOCKSTEP_VERIFICATION_KERNELS_H
#include <stddef.h>
#include <stdint.h>

// Where an input's pixel counts: at an output's pixel, by a tap of the window.
typedef struct { int32_t pixel, tap; } lockstep_place;

// One layer, pixel by pixel: code = clamp(floor(accumulator * scale + offset), low, high). A dense layer has one pixel and
// one tap.
typedef struct {
  int32_t input_pixels, input_channels, output_pixels, output_channels;
  const int16_t *weights;        // [tap][input channel][output channel]
  const int32_t *starts;         // of each input pixel in `places`, and their end
  const lockstep_place *places;
  const int32_t *bias;           // [output pixel][output channel]: with what padding adds
  const float *scale, *offset;   // [output channel]
  float low, high;
} lockstep_layer;

// sum of coefficient * output + constant >= 0. A pair is output `first` - output `second` >= least.
typedef struct {
  int32_t is_pair, first, second;
  float least;
  int32_t terms;
  const int32_t *outputs;
  const float *coefficients;
  float constant;
} lockstep_constraint;

typedef struct {
  const lockstep_layer *layers;
  int32_t layer_count;
  const lockstep_constraint *constraints;
  int32_t constraint_count;
  const int32_t *low, *high;  // of each input
  const int32_t *open;        // inputs whose range is wider than a point
  int32_t open_count;
} lockstep_goal;

// Simulated annealing from `point`, which becomes the best input found. `hot` and `cold` are temperatures, in output codes
// or, where moves change more than a code on average, in such changes. Returns its distance from the goal, in output codes:
// 0 where the goal seems to be met. `state` seeds the moves and is advanced. `is_over` is asked now and then, with
// `context`, whether to end early.
float lockstep_anneal(
    const lockstep_goal *goal, int32_t *point, int32_t moves, float hot, float cold, uint64_t *state,
    int32_t (*is_over)(const void *context), const void *context);

#endif
