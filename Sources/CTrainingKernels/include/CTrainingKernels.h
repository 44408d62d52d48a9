// The loops of training that are no matrix products: over rows of floats, in single precision.
#ifndef LOCKSTEP_TRAINING_KERNELS_H
#define LOCKSTEP_TRAINING_KERNELS_H
#include <stddef.h>
#include <stdint.h>

// A window that slides over height and width of [height][width][channels].
typedef struct {
  int32_t height, width, channels;
  int32_t kernel_height, kernel_width, stride_height, stride_width, top, left;
  int32_t output_height, output_width;
} lockstep_window;

// The patches of `images` as rows: [images * output height * output width][kernel height * kernel width * channels].
// Outside the image is 0.
void lockstep_patches(const float *images, size_t count, const lockstep_window *window, float *patches);
// Adds patches back to where they are from: the transpose of the above. `images` is set to 0 first.
void lockstep_add_patches(const float *patches, size_t count, const lockstep_window *window, float *images);

// rows[i][j] += bias[j].
void lockstep_add_bias(float *rows, size_t count, size_t columns, const float *bias);
// radius[i] += by.
void lockstep_widen(float *radius, size_t count, float by);
// sums[j] += the sum of rows[i][j].
void lockstep_add_columns(const float *rows, size_t count, size_t columns, float *sums);

// The codes that a real value may take: scale * k for whole k in low ... high. A scale of 0 means all reals in low ...
// high.
// Means of codes often lie half-way between two. What is a mean of `parts` codes (0: anything else) is taken for a whole
// number of scale / parts, and where it is half-way below the code `pivot`, the lower code is chosen.
typedef struct { float scale, low, high, parts, pivot; } lockstep_lattice;

// What fake quantisation makes of x: scale * clamp(floor(x / scale + 1/2), low, high).
void lockstep_quantize(const float *x, float *y, size_t count, lockstep_lattice lattice);
// The same of rows [count][columns] as int8's requantisation has it, which rounds twice, half-way away from 0: first to
// whole numbers of units[j] codes, a power of two below 1, then to codes. A unit of 0 is not rounded to.
void lockstep_quantize_columns(
  const float *x, float *y, size_t count, size_t columns, const float *units, lockstep_lattice lattice);
void lockstep_quantize_interval_columns(
  const float *center, const float *radius, float *center_out, float *radius_out, size_t count, size_t columns,
  const float *units, lockstep_lattice lattice);
// Of an interval, given and returned as centre and radius: its ends are quantised.
void lockstep_quantize_interval(
  const float *center, const float *radius, float *center_out, float *radius_out, size_t count,
  lockstep_lattice lattice);
// Straight through: the gradient passes where x is within the lattice's ends, and is 0 elsewhere. In place.
void lockstep_quantize_gradient(const float *x, float *gradient, size_t count, lockstep_lattice lattice);
void lockstep_quantize_interval_gradient(
  const float *center, const float *radius, float *center_gradient, float *radius_gradient, size_t count,
  lockstep_lattice lattice);
// Quantises weights [inputs][outputs], a lattice for each output. `magnitude` receives absolute values.
void lockstep_quantize_weights(
  const float *weights, size_t inputs, size_t outputs, const lockstep_lattice *lattices, float *quantized,
  float *magnitude);
// gradient = (gradient + sign(quantized) * magnitude_gradient), 0 where the weight is outside its lattice's ends.
void lockstep_weight_gradient(
  const float *weights, const float *quantized, const float *magnitude_gradient, size_t inputs, size_t outputs,
  const lockstep_lattice *lattices, float *gradient);

void lockstep_absolute(const float *x, float *y, size_t count);
// to += factor * from.
void lockstep_add(const float *from, float factor, float *to, size_t count);
float lockstep_largest(const float *x, size_t count);
// The largest of center + radius.
float lockstep_largest_end(const float *center, const float *radius, size_t count);

// Means over windows of [height][width][channels], and their gradient.
void lockstep_average(const float *images, size_t count, const lockstep_window *window, float *means);
void lockstep_average_gradient(const float *gradient, size_t count, const lockstep_window *window, float *images);

// AdamW (Loshchilov, Hutter, 2019): `decay` is taken off the weights themselves.
typedef struct { float rate, beta1, beta2, epsilon, correction1, correction2, decay; } lockstep_adamw;
void lockstep_adamw_step(
  float *weights, const float *gradient, float *first, float *second, size_t count, lockstep_adamw options);
#endif
