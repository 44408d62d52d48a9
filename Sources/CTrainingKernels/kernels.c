#include "CTrainingKernels.h"

#include <math.h>
#include <string.h>

// The same sums on every machine.
#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__) && defined(__linux__)
/// Compiled once for each level of the machine.
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))

INLINE float smaller(float a, float b) { return a < b ? a : b; }
INLINE float larger(float a, float b) { return a > b ? a : b; }

void lockstep_patches(const float *images, size_t count, const lockstep_window *w, float *patches) {
  const size_t row = (size_t)w->width * w->channels, image = (size_t)w->height * row;
  const int32_t channels = w->channels;
  for (size_t n = 0; n < count; n++, images += image) {
    for (int32_t oy = 0; oy < w->output_height; oy++) {
      for (int32_t ox = 0; ox < w->output_width; ox++) {
        const int32_t x = ox * w->stride_width - w->left;
        const int32_t first = x < 0 ? -x : 0;
        const int32_t last = x + w->kernel_width > w->width ? w->width - x : w->kernel_width;
        for (int32_t ky = 0; ky < w->kernel_height; ky++) {
          const int32_t y = oy * w->stride_height - w->top + ky;
          const size_t length = (size_t)w->kernel_width * channels;
          if (y < 0 || y >= w->height || last <= first) {
            memset(patches, 0, length * sizeof *patches);
          } else {
            const float *from = images + (size_t)y * row;
            for (int32_t i = 0; i < first * channels; i++) patches[i] = 0;
            memcpy(
              patches + (size_t)first * channels, from + (ptrdiff_t)(x + first) * channels,
              (size_t)(last - first) * channels * sizeof *patches);
            for (size_t i = (size_t)last * channels; i < length; i++) patches[i] = 0;
          }
          patches += length;
        }
      }
    }
  }
}

CLONES void lockstep_add_patches(const float *patches, size_t count, const lockstep_window *w, float *images) {
  const size_t row = (size_t)w->width * w->channels, image = (size_t)w->height * row;
  const int32_t channels = w->channels;
  memset(images, 0, count * image * sizeof *images);
  for (size_t n = 0; n < count; n++, images += image) {
    for (int32_t oy = 0; oy < w->output_height; oy++) {
      for (int32_t ox = 0; ox < w->output_width; ox++) {
        const int32_t x = ox * w->stride_width - w->left;
        const int32_t first = x < 0 ? -x : 0;
        const int32_t last = x + w->kernel_width > w->width ? w->width - x : w->kernel_width;
        for (int32_t ky = 0; ky < w->kernel_height; ky++, patches += (size_t)w->kernel_width * channels) {
          const int32_t y = oy * w->stride_height - w->top + ky;
          if (y < 0 || y >= w->height) continue;
          float *const to = images + (size_t)y * row + (ptrdiff_t)x * channels;
          for (int32_t i = first * channels; i < last * channels; i++) to[i] += patches[i];
        }
      }
    }
  }
}

CLONES void lockstep_add_bias(float *rows, size_t count, size_t columns, const float *bias) {
  for (size_t i = 0; i < count; i++, rows += columns) {
    for (size_t j = 0; j < columns; j++) rows[j] += bias[j];
  }
}

CLONES void lockstep_widen(float *radius, size_t count, float by) {
  for (size_t i = 0; i < count; i++) radius[i] += by;
}

CLONES void lockstep_add_columns(const float *rows, size_t count, size_t columns, float *sums) {
  for (size_t i = 0; i < count; i++, rows += columns) {
    for (size_t j = 0; j < columns; j++) sums[j] += rows[j];
  }
}

INLINE float quantized(float x, float scale, float inverse, float low, float high) {
  return scale * smaller(larger(floorf(x * inverse + 0.5f), low), high);
}

INLINE float quantized_mean(float x, float inverse, lockstep_lattice l) {
  const float code = rintf(x * inverse * l.parts) / l.parts;
  const float nearest = code < l.pivot ? ceilf(code - 0.5f) : floorf(code + 0.5f);
  return l.scale * smaller(larger(nearest, l.low), l.high);
}

CLONES void lockstep_quantize(const float *x, float *y, size_t count, lockstep_lattice l) {
  if (l.scale == 0) {
    for (size_t i = 0; i < count; i++) y[i] = smaller(larger(x[i], l.low), l.high);
    return;
  }
  const float inverse = 1 / l.scale;
  if (l.parts > 0) {
    for (size_t i = 0; i < count; i++) y[i] = quantized_mean(x[i], inverse, l);
    return;
  }
  for (size_t i = 0; i < count; i++) y[i] = quantized(x[i], l.scale, inverse, l.low, l.high);
}

CLONES void lockstep_quantize_interval(
  const float *center, const float *radius, float *center_out, float *radius_out, size_t count, lockstep_lattice l
) {
  const float inverse = l.scale == 0 ? 0 : 1 / l.scale;
  if (l.scale == 0) {
    for (size_t i = 0; i < count; i++) {
      const float low = smaller(larger(center[i] - radius[i], l.low), l.high);
      const float high = smaller(larger(center[i] + radius[i], l.low), l.high);
      center_out[i] = 0.5f * (high + low);
      radius_out[i] = 0.5f * (high - low);
    }
    return;
  }
  if (l.parts > 0) {
    for (size_t i = 0; i < count; i++) {
      const float low = quantized_mean(center[i] - radius[i], inverse, l);
      const float high = quantized_mean(center[i] + radius[i], inverse, l);
      center_out[i] = 0.5f * (high + low);
      radius_out[i] = 0.5f * (high - low);
    }
    return;
  }
  for (size_t i = 0; i < count; i++) {
    const float low = quantized(center[i] - radius[i], l.scale, inverse, l.low, l.high);
    const float high = quantized(center[i] + radius[i], l.scale, inverse, l.low, l.high);
    center_out[i] = 0.5f * (high + low);
    radius_out[i] = 0.5f * (high - low);
  }
}

// The ends of a lattice as reals.
INLINE float low_end(lockstep_lattice l) { return l.scale == 0 ? l.low : l.scale * l.low; }
INLINE float high_end(lockstep_lattice l) { return l.scale == 0 ? l.high : l.scale * l.high; }
INLINE float passed(float x, float gradient, float low, float high) {
  return x >= low && x <= high ? gradient : 0;
}

CLONES void lockstep_quantize_gradient(const float *x, float *gradient, size_t count, lockstep_lattice l) {
  const float low = low_end(l), high = high_end(l);
  for (size_t i = 0; i < count; i++) gradient[i] = passed(x[i], gradient[i], low, high);
}

CLONES void lockstep_quantize_interval_gradient(
  const float *center, const float *radius, float *center_gradient, float *radius_gradient, size_t count,
  lockstep_lattice l
) {
  const float low = low_end(l), high = high_end(l);
  for (size_t i = 0; i < count; i++) {
    const float of_low = passed(center[i] - radius[i], 0.5f * (center_gradient[i] - radius_gradient[i]), low, high);
    const float of_high = passed(center[i] + radius[i], 0.5f * (center_gradient[i] + radius_gradient[i]), low, high);
    center_gradient[i] = of_high + of_low;
    radius_gradient[i] = of_high - of_low;
  }
}

// In codes, so that what lies half-way between two after the first rounding is exactly that.
INLINE float quantized_twice(float x, float inverse, float unit, lockstep_lattice l) {
  const float code = x * inverse;
  const float first = unit > 0 ? unit * floorf(fabsf(code) / unit + 0.5f) : fabsf(code);
  const float nearest = copysignf(floorf(first + 0.5f), code);
  return l.scale * smaller(larger(nearest, l.low), l.high);
}

CLONES void lockstep_quantize_columns(
  const float *x, float *y, size_t count, size_t columns, const float *units, lockstep_lattice l
) {
  const float inverse = 1 / l.scale;
  for (size_t i = 0; i < count; i++, x += columns, y += columns) {
    for (size_t j = 0; j < columns; j++) y[j] = quantized_twice(x[j], inverse, units[j], l);
  }
}

CLONES void lockstep_quantize_interval_columns(
  const float *center, const float *radius, float *center_out, float *radius_out, size_t count, size_t columns,
  const float *units, lockstep_lattice l
) {
  const float inverse = 1 / l.scale;
  for (size_t i = 0; i < count * columns; i++) {
    const float unit = units[i % columns];
    const float low = quantized_twice(center[i] - radius[i], inverse, unit, l);
    const float high = quantized_twice(center[i] + radius[i], inverse, unit, l);
    center_out[i] = 0.5f * (high + low);
    radius_out[i] = 0.5f * (high - low);
  }
}

CLONES void lockstep_quantize_weights(
  const float *weights, size_t inputs, size_t outputs, const lockstep_lattice *lattices, float *quantized_weights,
  float *magnitude
) {
  for (size_t i = 0; i < inputs; i++) {
    for (size_t j = 0; j < outputs; j++) {
      const lockstep_lattice l = lattices[j];
      const float x = weights[i * outputs + j];
      const float y = l.scale == 0 ? smaller(larger(x, l.low), l.high)
                                   : l.scale * smaller(larger(floorf(x / l.scale + 0.5f), l.low), l.high);
      quantized_weights[i * outputs + j] = y;
      magnitude[i * outputs + j] = fabsf(y);
    }
  }
}

CLONES void lockstep_weight_gradient(
  const float *weights, const float *quantized_weights, const float *magnitude_gradient, size_t inputs,
  size_t outputs, const lockstep_lattice *lattices, float *gradient
) {
  for (size_t i = 0; i < inputs; i++) {
    for (size_t j = 0; j < outputs; j++) {
      const size_t at = i * outputs + j;
      const float q = quantized_weights[at];
      const float sign = q > 0 ? 1.0f : q < 0 ? -1.0f : 0.0f;
      gradient[at] = passed(
        weights[at], gradient[at] + sign * magnitude_gradient[at], low_end(lattices[j]), high_end(lattices[j]));
    }
  }
}

CLONES void lockstep_absolute(const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = fabsf(x[i]);
}

CLONES void lockstep_add(const float *from, float factor, float *to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] += factor * from[i];
}

CLONES float lockstep_largest(const float *x, size_t count) {
  float most = 0;
  for (size_t i = 0; i < count; i++) most = larger(most, fabsf(x[i]));
  return most;
}

CLONES float lockstep_largest_end(const float *center, const float *radius, size_t count) {
  float most = 0;
  for (size_t i = 0; i < count; i++) most = larger(most, center[i] + radius[i]);
  return most;
}

CLONES void lockstep_average(const float *images, size_t count, const lockstep_window *w, float *means) {
  const size_t row = (size_t)w->width * w->channels, image = (size_t)w->height * row;
  const float factor = 1.0f / (float)(w->kernel_height * w->kernel_width);
  for (size_t n = 0; n < count; n++, images += image) {
    for (int32_t oy = 0; oy < w->output_height; oy++) {
      for (int32_t ox = 0; ox < w->output_width; ox++, means += w->channels) {
        const float *const from =
          images + (size_t)(oy * w->stride_height) * row + (size_t)(ox * w->stride_width) * w->channels;
        for (int32_t c = 0; c < w->channels; c++) means[c] = 0;
        for (int32_t ky = 0; ky < w->kernel_height; ky++) {
          for (int32_t kx = 0; kx < w->kernel_width; kx++) {
            const float *const at = from + (size_t)ky * row + (size_t)kx * w->channels;
            for (int32_t c = 0; c < w->channels; c++) means[c] += at[c];
          }
        }
        for (int32_t c = 0; c < w->channels; c++) means[c] *= factor;
      }
    }
  }
}

CLONES void lockstep_average_gradient(const float *gradient, size_t count, const lockstep_window *w, float *images) {
  const size_t row = (size_t)w->width * w->channels, image = (size_t)w->height * row;
  const float factor = 1.0f / (float)(w->kernel_height * w->kernel_width);
  memset(images, 0, count * image * sizeof *images);
  for (size_t n = 0; n < count; n++, images += image) {
    for (int32_t oy = 0; oy < w->output_height; oy++) {
      for (int32_t ox = 0; ox < w->output_width; ox++, gradient += w->channels) {
        float *const to =
          images + (size_t)(oy * w->stride_height) * row + (size_t)(ox * w->stride_width) * w->channels;
        for (int32_t ky = 0; ky < w->kernel_height; ky++) {
          for (int32_t kx = 0; kx < w->kernel_width; kx++) {
            float *const at = to + (size_t)ky * row + (size_t)kx * w->channels;
            for (int32_t c = 0; c < w->channels; c++) at[c] += factor * gradient[c];
          }
        }
      }
    }
  }
}

// What changes no weight any more. Moments of weights that nothing moves would end as denormal numbers, and stay there: they
// are a hundred times slower.
INLINE float or_zero(float x, float least) { return fabsf(x) < least ? 0 : x; }

CLONES void lockstep_adamw_step(
  float *weights, const float *gradient, float *first, float *second, size_t count, lockstep_adamw o
) {
  for (size_t i = 0; i < count; i++) {
    const float g = or_zero(gradient[i], 1e-18f);
    first[i] = or_zero(o.beta1 * first[i] + (1 - o.beta1) * g, 1e-30f);
    second[i] = or_zero(o.beta2 * second[i] + (1 - o.beta2) * g * g, 1e-36f);
    const float step = (first[i] * o.correction1) / (sqrtf(second[i] * o.correction2) + o.epsilon);
    weights[i] -= o.rate * step + o.decay * weights[i];
  }
}
