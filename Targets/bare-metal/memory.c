/* The functions that GCC expects even of a freestanding program: it makes calls to them from loops. */
#include <stddef.h>

/* Without this, the loops below would become calls to themselves. */
#define PLAIN __attribute__((optimize("no-tree-loop-distribute-patterns")))

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);

PLAIN void *memcpy(void *restrict to, const void *restrict from, size_t count) {
  unsigned char *out = to;
  const unsigned char *in = from;
  while (count-- > 0) *out++ = *in++;
  return to;
}

PLAIN void *memmove(void *to, const void *from, size_t count) {
  unsigned char *out = to;
  const unsigned char *in = from;
  if (out <= in) {
    for (size_t i = 0; i < count; i++) out[i] = in[i];
  } else {
    while (count-- > 0) out[count] = in[count];
  }
  return to;
}

PLAIN void *memset(void *to, int byte, size_t count) {
  unsigned char *out = to;
  while (count-- > 0) *out++ = (unsigned char)byte;
  return to;
}
