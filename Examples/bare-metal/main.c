/* Reads handwritten digits on a Cortex-M4: the generated self-test first, then each picture of pictures.inc. */
#include <stdint.h>

#include "digits.h"

/* The one piece of memory that the network needs. */
static union {
  int8_t codes[DIGITS_ARENA_SIZE];
  uint32_t aligned;
} arena;

/* Codes of pictures, a row each: a pixel 0 ... 255 minus 128. */
static const int8_t pictures[][DIGITS_INPUT_COUNT] = {
#include "pictures.inc"
};

/* Semihosting: what the debugger, or the emulator, does for the program. A board would write to its serial port here. */
static uint32_t semihosting(uint32_t operation, const void *argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}
static void say(const char *text) { semihosting(0x04, text); }

static uint32_t best(const int8_t *scores) {
  uint32_t best = 0;
  for (uint32_t i = 1; i < DIGITS_OUTPUT_COUNT; i++) {
    if (scores[i] > scores[best]) best = i;
  }
  return best;
}

int main(void) {
  uint32_t step = 0;
  if (digits_selftest(arena.codes, sizeof arena.codes, &step) != 0) {
    say("the self-test fails\n");
    return 1;
  }
  say("program ");
  say(digits_program_digest);
  say("\nself-test passed; the digits are");
  for (uint32_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
    for (uint32_t j = 0; j < DIGITS_INPUT_COUNT; j++) arena.codes[DIGITS_INPUT_OFFSET + j] = pictures[i][j];
    if (digits_run(arena.codes, sizeof arena.codes) != DIGITS_OK) return 1;
    const char digit[3] = {' ', (char)('0' + best(&arena.codes[DIGITS_OUTPUT_OFFSET])), 0};
    say(digit);
  }
  say("\n");
  return 0;
}
