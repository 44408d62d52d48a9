#include "CVerificationKernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

static inline uint64_t next(uint64_t *state) {
  // xorshift64*
  uint64_t x = *state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return x * 0x2545F4914F6CDD1DULL;
}

CLONES static void add_column(int32_t *restrict sums, const int16_t *restrict column, int32_t factor, int32_t count) {
  for (int32_t i = 0; i < count; i++) sums[i] += factor * column[i];
}

CLONES static void requantize(
    const lockstep_layer *layer, const int32_t *restrict sums, int32_t *restrict codes, float *restrict reals) {
  const float *restrict scale = layer->scale;
  const float *restrict offset = layer->offset;
  const float low = layer->low, high = layer->high;
  for (int32_t i = 0; i < layer->outputs; i++) {
    const float real = (float)sums[i] * scale[i] + offset[i];
    float code = floorf(real);
    code = code < low ? low : code;
    code = code > high ? high : code;
    reals[i] = real;
    codes[i] = (int32_t)code;
  }
}

// What is missing to y_first - y_second >= least, in codes before the clamp: over all levels t, how far the one is below
// t + least and the other above t.
static float pair_distance(const lockstep_layer *last, const lockstep_constraint *c, const float *reals, const int32_t *codes) {
  const float low = last->low, high = last->high;
  const float a = reals[c->first], b = reals[c->second];
  const float top = high - c->least;
  float best = INFINITY;
  const float levels[4] = {(float)codes[c->first] - c->least, (float)codes[c->second], low, top};
  for (int k = 0; k < 4; k++) {
    float t = levels[k];
    t = t < low ? low : t;
    if (t > top) t = top;
    if (t < low) continue;
    float d = 0;
    // floor(real) >= t + least; every code is at least low.
    if (t + c->least > low && a < t + c->least) d += t + c->least - a;
    // floor(real) <= t; every code is at most high.
    if (t < high && b >= t + 1) d += b - (t + 1) + 1e-3f;
    if (d < best) best = d;
  }
  return best;
}

static float distance(const lockstep_goal *goal, const float *reals, const int32_t *codes) {
  const lockstep_layer *last = &goal->layers[goal->layer_count - 1];
  float total = 0;
  for (int32_t k = 0; k < goal->constraint_count; k++) {
    const lockstep_constraint *c = &goal->constraints[k];
    if (c->is_pair) {
      total += pair_distance(last, c, reals, codes);
      continue;
    }
    float exact = c->constant, smooth = c->constant;
    for (int32_t i = 0; i < c->terms; i++) {
      float real = reals[c->outputs[i]] - 0.5f;
      real = real < last->low ? last->low : real > last->high ? last->high : real;
      exact += c->coefficients[i] * (float)codes[c->outputs[i]];
      smooth += c->coefficients[i] * real;
    }
    // The codes decide; what lies between them shows the way.
    if (exact < 0) total += -exact + 0.5f / (1 + expf(smooth - exact));
  }
  return total;
}

float lockstep_anneal(
    const lockstep_goal *goal, int32_t *point, int32_t moves, float hot, float cold, uint64_t *state) {
  const int32_t count = goal->layer_count;
  size_t total = 0;
  for (int32_t l = 0; l < count; l++) total += (size_t)goal->layers[l].outputs;
  const size_t inputs = (size_t)goal->layers[0].inputs;
  // sums, codes and their trial copies, and reals.
  int32_t *memory = malloc((4 * total + inputs) * sizeof(int32_t));
  float *reals = malloc(total * sizeof(float));
  if (!memory || !reals) {
    free(memory);
    free(reals);
    return INFINITY;
  }
  int32_t *sums = memory, *codes = memory + total, *trial_sums = memory + 2 * total, *trial_codes = memory + 3 * total;
  int32_t *best_point = memory + 4 * total;

  const int32_t *from = point;
  size_t place = 0;
  for (int32_t l = 0; l < count; l++) {
    const lockstep_layer *layer = &goal->layers[l];
    memcpy(sums + place, layer->bias, (size_t)layer->outputs * sizeof(int32_t));
    for (int32_t i = 0; i < layer->inputs; i++)
      if (from[i]) add_column(sums + place, layer->weights + (size_t)i * layer->outputs, from[i], layer->outputs);
    requantize(layer, sums + place, codes + place, reals + place);
    from = codes + place;
    place += (size_t)layer->outputs;
  }
  const size_t last = total - (size_t)goal->layers[count - 1].outputs;
  float current = distance(goal, reals + last, codes + last);
  float best = current;
  memcpy(best_point, point, inputs * sizeof(int32_t));

  const float cooling = moves > 1 && hot > 0 ? powf(cold / hot, 1.0f / (float)moves) : 1;
  float temperature = hot;
  for (int32_t move = 0; move < moves && best > 0 && goal->open_count > 0; move++, temperature *= cooling) {
    const uint64_t random = next(state);
    const int32_t i = goal->open[(uint32_t)((random >> 32) * (uint64_t)goal->open_count >> 32)];
    const int32_t low = goal->low[i], high = goal->high[i];
    int32_t value;
    if ((random & 7) != 0) {
      // Mostly to an end: linear parts are largest there.
      value = point[i] == low ? high : point[i] == high ? low : (random & 8) ? low : high;
    } else {
      value = low + (int32_t)(((random >> 8) & 0xffff) * (uint64_t)(high - low + 1) >> 16);
    }
    const int32_t change = value - point[i];
    if (change == 0) continue;

    memcpy(trial_sums, sums, total * sizeof(int32_t));
    add_column(trial_sums, goal->layers[0].weights + (size_t)i * goal->layers[0].outputs, change, goal->layers[0].outputs);
    place = 0;
    for (int32_t l = 0; l < count; l++) {
      const lockstep_layer *layer = &goal->layers[l];
      requantize(layer, trial_sums + place, trial_codes + place, reals + place);
      const size_t next_place = place + (size_t)layer->outputs;
      if (l + 1 < count) {
        const lockstep_layer *after = &goal->layers[l + 1];
        for (int32_t k = 0; k < layer->outputs; k++) {
          const int32_t step = trial_codes[place + (size_t)k] - codes[place + (size_t)k];
          if (step) add_column(trial_sums + next_place, after->weights + (size_t)k * after->outputs, step, after->outputs);
        }
      }
      place = next_place;
    }
    const float reached = distance(goal, reals + last, trial_codes + last);
    const float worse = reached - current;
    if (worse > 0) {
      const float chance = (float)(next(state) >> 40) * 0x1p-24f;
      if (temperature <= 0 || chance >= expf(-worse / temperature)) continue;
    }
    point[i] = value;
    current = reached;
    int32_t *swap = sums;
    sums = trial_sums;
    trial_sums = swap;
    swap = codes;
    codes = trial_codes;
    trial_codes = swap;
    if (current < best) {
      best = current;
      memcpy(best_point, point, inputs * sizeof(int32_t));
    }
  }
  memcpy(point, best_point, inputs * sizeof(int32_t));
  free(memory);
  free(reals);
  return best;
}
