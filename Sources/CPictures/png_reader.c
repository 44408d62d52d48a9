#include "cpictures.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/// Far above any network's input: it bounds what a small file can become.
enum { LARGEST_SIDE = 1 << 14 };
static const size_t most_bytes = (size_t)1 << 28;

struct source {
  const uint8_t *bytes;
  size_t left;
};

static void take(png_structp png, png_bytep out, png_size_t count) {
  struct source *source = png_get_io_ptr(png);
  if (count > source->left) png_error(png, "it is cut short");
  memcpy(out, source->bytes, count);
  source->bytes += count;
  source->left -= count;
}

static void fail(png_structp png, png_const_charp message) {
  char *fault = png_get_error_ptr(png);
  strncpy(fault, message, sizeof((cpictures_picture *)0)->fault - 1);
  png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

cpictures_picture cpictures_decode(const uint8_t *bytes, size_t count) {
  // What is set behind setjmp must be in memory when it returns a second time.
  cpictures_picture *volatile picture = calloc(1, sizeof *picture);
  png_bytep *volatile rows = NULL;
  cpictures_picture result;
  memset(&result, 0, sizeof result);
  if (!picture) {
    strcpy(result.fault, "there is no memory for it");
    return result;
  }
  struct source source = {bytes, count};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, picture->fault, fail, ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    strcpy(picture->fault, "libpng does not start");
  } else if (!setjmp(png_jmpbuf(png))) {
    png_set_read_fn(png, &source, take);
    png_set_user_limits(png, LARGEST_SIDE, LARGEST_SIDE);
    png_read_info(png, info);
    picture->bits = png_get_bit_depth(png, info);
    png_set_scale_16(png);
    // Palettes to colours, 1, 2 and 4 bits to 8, a transparent colour to an alpha channel.
    png_set_expand(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    picture->width = png_get_image_width(png, info);
    picture->height = png_get_image_height(png, info);
    picture->channels = png_get_channels(png, info);
    size_t row = png_get_rowbytes(png, info);
    if (png_get_bit_depth(png, info) != 8 || row != (size_t)picture->width * picture->channels)
      png_error(png, "its pixels are of an unknown kind");
    if (row == 0 || picture->height > most_bytes / row) png_error(png, "it is too large");
    picture->pixels = malloc(row * picture->height);
    rows = malloc(sizeof *rows * picture->height);
    if (!picture->pixels || !rows) png_error(png, "there is no memory for it");
    for (uint32_t y = 0; y < picture->height; y++) rows[y] = picture->pixels + y * row;
    png_read_image(png, rows);
    png_read_end(png, NULL);
  }
  if (picture->fault[0]) {
    free(picture->pixels);
    picture->pixels = NULL;
  }
  free(rows);
  png_destroy_read_struct(&png, info ? &info : NULL, NULL);
  result = *picture;
  free(picture);
  return result;
}

void cpictures_free(cpictures_picture *picture) {
  free(picture->pixels);
  picture->pixels = NULL;
}
