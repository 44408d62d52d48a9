// Searching inputs of dense networks for counterexamples, move by move.
//
// Approximate where it may be: codes are computed in single precision. What is found is replayed on the exact program.
#ifndef LOCKSTEP_VERIFICATION_KERNELS_H
#define LOCKSTEP_VERIFICATION_KERNELS_H
#include <stddef.h>
#include <stdint.h>

// One dense layer: code = clamp(floor(accumulator * scale + offset), low, high).
typedef struct {
  int32_t inputs, outputs;
  const int16_t *weights;  // [input][output]
  const int32_t *bias;
  const float *scale, *offset;
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

// Simulated annealing from `point`, which becomes the best input found. Returns its distance from the goal, in output
// codes: 0 where the goal seems to be met. `state` seeds the moves and is advanced.
float lockstep_anneal(
    const lockstep_goal *goal, int32_t *point, int32_t moves, float hot, float cold, uint64_t *state);

#endif
