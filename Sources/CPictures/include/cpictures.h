#ifndef CPICTURES_H
#define CPICTURES_H

#include <stddef.h>
#include <stdint.h>

/// A decoded picture: rows from above, `channels` bytes a pixel: grey, grey and alpha, RGB, or RGB and alpha.
typedef struct {
  uint32_t width, height, channels;
  /// Bits a channel in the file.
  uint32_t bits;
  /// To be given to `cpictures_free`; null where the file cannot be read.
  uint8_t *pixels;
  /// Why it cannot, in libpng's words; empty where it can.
  char fault[128];
} cpictures_picture;

/// Decodes a PNG file. Palettes become colours, fewer than 8 bits are widened, 16 are rounded to 8; transparency stays
/// apart, and gamma is left as it is: a pixel is what the file says, as most tools for training read it.
cpictures_picture cpictures_decode(const uint8_t *bytes, size_t count);

void cpictures_free(cpictures_picture *picture);

#endif
