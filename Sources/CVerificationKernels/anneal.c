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
  // Partial sums may pass 32 bits, and wrap as unsigned numbers do.
  for (int32_t i = 0; i < count; i++) sums[i] = (int32_t)((uint32_t)sums[i] + (uint32_t)(factor * column[i]));
}

CLONES static void requantize(
    const lockstep_layer *layer, const int32_t *restrict sums, int32_t *restrict codes, float *restrict reals) {
  const float *restrict scale = layer->scale;
  const float *restrict offset = layer->offset;
  const float low = layer->low, high = layer->high;
  for (int32_t i = 0; i < layer->output_channels; i++) {
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

// A layer's state: what a move changes is kept aside, pixel by pixel, until the move is accepted.
typedef struct {
  int32_t *sums, *codes, *old_sums, *old_codes;
  float *reals, *old_reals;
  int32_t *touched;        // the output pixels that the move has changed, until it ends
  uint8_t *is_touched;
  int32_t touched_count;
} layer_state;

typedef struct {
  layer_state *layers;
  int32_t *changed, *changes;            // a layer's inputs that the move has changed, and by how much
  int32_t *next_changed, *next_changes;
  int32_t *best_point;
  void *memory;
} search;

static size_t outputs_of(const lockstep_layer *layer) {
  return (size_t)layer->output_pixels * (size_t)layer->output_channels;
}

// One block for all of it; false where there is no memory.
static int allocate(search *s, const lockstep_goal *goal) {
  const size_t inputs = (size_t)goal->layers[0].input_pixels * (size_t)goal->layers[0].input_channels;
  size_t words = inputs, widest = inputs;
  for (int32_t l = 0; l < goal->layer_count; l++) {
    const size_t outputs = outputs_of(&goal->layers[l]), pixels = (size_t)goal->layers[l].output_pixels;
    words += 6 * outputs + pixels + (pixels + 3) / 4;
    if (outputs > widest) widest = outputs;
  }
  words += 4 * widest;
  s->layers = calloc((size_t)goal->layer_count, sizeof(layer_state));
  int32_t *at = s->memory = calloc(words, sizeof(int32_t));
  if (!s->layers || !at) return 0;
  s->best_point = at;
  at += inputs;
  s->changed = at;
  s->changes = at + widest;
  s->next_changed = at + 2 * widest;
  s->next_changes = at + 3 * widest;
  at += 4 * widest;
  for (int32_t l = 0; l < goal->layer_count; l++) {
    const size_t outputs = outputs_of(&goal->layers[l]), pixels = (size_t)goal->layers[l].output_pixels;
    layer_state *state = &s->layers[l];
    state->sums = at;
    state->old_sums = at + outputs;
    state->codes = at + 2 * outputs;
    state->old_codes = at + 3 * outputs;
    state->reals = (float *)(at + 4 * outputs);
    state->old_reals = (float *)(at + 5 * outputs);
    state->touched = at + 6 * outputs;
    state->is_touched = (uint8_t *)(at + 6 * outputs + pixels);
    at += 6 * outputs + pixels + (pixels + 3) / 4;
  }
  return 1;
}

// What one input adds to the sums, times `factor`.
static void add_input(const lockstep_layer *layer, int32_t *sums, int32_t pixel, int32_t channel, int32_t factor) {
  const int32_t channels = layer->output_channels;
  for (int32_t k = layer->starts[pixel]; k < layer->starts[pixel + 1]; k++) {
    const lockstep_place place = layer->places[k];
    add_column(
        sums + (size_t)place.pixel * channels,
        layer->weights + ((size_t)place.tap * layer->input_channels + channel) * channels, factor, channels);
  }
}

static void start(search *s, const lockstep_goal *goal, const int32_t *point) {
  const int32_t *from = point;
  for (int32_t l = 0; l < goal->layer_count; l++) {
    const lockstep_layer *layer = &goal->layers[l];
    layer_state *state = &s->layers[l];
    const int32_t channels = layer->output_channels;
    memcpy(state->sums, layer->bias, outputs_of(layer) * sizeof(int32_t));
    for (int32_t pixel = 0; pixel < layer->input_pixels; pixel++)
      for (int32_t i = 0; i < layer->input_channels; i++) {
        const int32_t code = from[pixel * layer->input_channels + i];
        if (code) add_input(layer, state->sums, pixel, i, code);
      }
    for (int32_t pixel = 0; pixel < layer->output_pixels; pixel++) {
      const size_t at = (size_t)pixel * channels;
      requantize(layer, state->sums + at, state->codes + at, state->reals + at);
    }
    from = state->codes;
  }
}

// Carries one input's change through the layers, as far as codes change.
static void try_move(search *s, const lockstep_goal *goal, int32_t input, int32_t change) {
  int32_t count = 1;
  s->changed[0] = input;
  s->changes[0] = change;
  for (int32_t l = 0; l < goal->layer_count; l++) {
    const lockstep_layer *layer = &goal->layers[l];
    layer_state *state = &s->layers[l];
    const int32_t channels = layer->output_channels;
    const size_t bytes = (size_t)channels * sizeof(int32_t);
    state->touched_count = 0;
    for (int32_t c = 0; c < count; c++) {
      const int32_t pixel = s->changed[c] / layer->input_channels, i = s->changed[c] % layer->input_channels;
      for (int32_t k = layer->starts[pixel]; k < layer->starts[pixel + 1]; k++) {
        const lockstep_place place = layer->places[k];
        const size_t at = (size_t)place.pixel * channels;
        if (!state->is_touched[place.pixel]) {
          state->is_touched[place.pixel] = 1;
          state->touched[state->touched_count++] = place.pixel;
          memcpy(state->old_sums + at, state->sums + at, bytes);
          memcpy(state->old_codes + at, state->codes + at, bytes);
          memcpy(state->old_reals + at, state->reals + at, bytes);
        }
      }
      add_input(layer, state->sums, pixel, i, s->changes[c]);
    }
    int32_t next_count = 0;
    for (int32_t t = 0; t < state->touched_count; t++) {
      const size_t at = (size_t)state->touched[t] * channels;
      requantize(layer, state->sums + at, state->codes + at, state->reals + at);
      for (int32_t i = 0; i < channels; i++) {
        const int32_t step = state->codes[at + i] - state->old_codes[at + i];
        if (!step) continue;
        s->next_changed[next_count] = (int32_t)at + i;
        s->next_changes[next_count++] = step;
      }
    }
    count = next_count;
    int32_t *swap = s->changed;
    s->changed = s->next_changed;
    s->next_changed = swap;
    swap = s->changes;
    s->changes = s->next_changes;
    s->next_changes = swap;
  }
}

static void end_move(search *s, const lockstep_goal *goal, int is_accepted) {
  for (int32_t l = 0; l < goal->layer_count; l++) {
    layer_state *state = &s->layers[l];
    const int32_t channels = goal->layers[l].output_channels;
    const size_t bytes = (size_t)channels * sizeof(int32_t);
    for (int32_t t = 0; t < state->touched_count; t++) {
      const size_t at = (size_t)state->touched[t] * channels;
      state->is_touched[state->touched[t]] = 0;
      if (is_accepted) continue;
      memcpy(state->sums + at, state->old_sums + at, bytes);
      memcpy(state->codes + at, state->old_codes + at, bytes);
      memcpy(state->reals + at, state->old_reals + at, bytes);
    }
  }
}

float lockstep_anneal(
    const lockstep_goal *goal, int32_t *point, int32_t moves, float hot, float cold, uint64_t *state,
    int32_t (*is_over)(const void *context), const void *context) {
  search s = {0};
  if (!allocate(&s, goal)) {
    free(s.layers);
    free(s.memory);
    return INFINITY;
  }
  const size_t inputs = (size_t)goal->layers[0].input_pixels * (size_t)goal->layers[0].input_channels;
  start(&s, goal, point);
  const layer_state *last = &s.layers[goal->layer_count - 1];
  float current = distance(goal, last->reals, last->codes);
  float best = current;
  memcpy(s.best_point, point, inputs * sizeof(int32_t));

  const float cooling = moves > 1 && hot > 0 ? powf(cold / hot, 1.0f / (float)moves) : 1;
  float temperature = hot, unit = 1;
  for (int32_t move = 0; move < moves && best > 0 && goal->open_count > 0; move++, temperature *= cooling) {
    if (move % 64 == 63 && is_over(context)) break;
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

    try_move(&s, goal, i, change);
    const float reached = distance(goal, last->reals, last->codes);
    const float worse = reached - current;
    unit += (fabsf(worse) - unit) / 64;
    int is_accepted = 1;
    if (worse > 0) {
      const float chance = (float)(next(state) >> 40) * 0x1p-24f;
      is_accepted = temperature > 0 && chance < expf(-worse / (temperature * (unit > 1 ? unit : 1)));
    }
    end_move(&s, goal, is_accepted);
    if (!is_accepted) continue;
    point[i] = value;
    current = reached;
    if (current < best) {
      best = current;
      memcpy(s.best_point, point, inputs * sizeof(int32_t));
    }
  }
  memcpy(point, s.best_point, inputs * sizeof(int32_t));
  free(s.layers);
  free(s.memory);
  return best;
}
