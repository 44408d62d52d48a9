/* The runner by serial port. Inputs are part of the image, in flash; outputs leave as lines of hexadecimal, each
 * starting with a colon; the last line is "end" and the status. Start-up is avr-libc's.
 */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>

#include "runner.h"

static const uint8_t inputs[] PROGMEM = {
#include "inputs.inc"
};

/* Before main, and once: a simulator may take a write of UCSR0A for one of its ready flag. */
__attribute__((constructor)) static void open_port(void) {
  /* 2 Mbaud, so that the port does not outlast the network. */
  UBRR0 = 0;
  UCSR0A |= _BV(U2X0);
  UCSR0B = _BV(TXEN0);
}

static void send(char character) {
  while (!(UCSR0A & _BV(UDRE0))) {
  }
  UDR0 = (uint8_t)character;
}

static void send_digit(uint8_t digit) { send((char)(digit < 10 ? '0' + digit : 'a' + digit - 10)); }

int runner_read(void *to, uint32_t bytes) {
  static uint32_t position = 0;
  if (sizeof inputs - position < bytes) return 0;
  memcpy_P(to, &inputs[position], (size_t)bytes);
  position += bytes;
  return 1;
}

int runner_write(const void *from, uint32_t bytes) {
  const uint8_t *byte = from;
  for (uint32_t i = 0; i < bytes; i++) {
    if (i % 32 == 0) send(':');
    send_digit(byte[i] >> 4);
    send_digit(byte[i] & 15);
    if (i % 32 == 31 || i == bytes - 1) send('\n');
  }
  return 1;
}

void runner_exit(int status) {
  for (const char *word = "end "; *word != 0; word++) send(*word);
  send_digit((uint8_t)status >> 4);
  send_digit((uint8_t)status & 15);
  send('\n');
  /* Asleep with interrupts off, the processor never wakes: the simulator ends here. */
  cli();
  sleep_enable();
  for (;;) sleep_cpu();
}
