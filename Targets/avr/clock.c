/* A clock that counts the processor's cycles: timer 1 has 16 bits, and a handler counts how often they overflow. What
 * the handler itself takes is measured at the start, against a delay of known length, and taken off.
 */
#include <avr/interrupt.h>
#include <avr/io.h>

#include "runner.h"

static volatile uint16_t overflows;
static uint16_t handler_cycles;

ISR(TIMER1_OVF_vect) { overflows++; }

uint32_t runner_clock(void) {
  cli();
  const uint16_t low = TCNT1;
  uint16_t high = overflows;
  /* An overflow that the handler has not seen yet has cost nothing yet. */
  const uint8_t is_pending = (TIFR1 & _BV(TOV1)) != 0 && low < 0x8000u;
  const uint32_t spent = (uint32_t)high * handler_cycles;
  if (is_pending) high++;
  sei();
  return ((uint32_t)high << 16 | low) - spent;
}

#define DELAY_CYCLES 600000ul

void runner_start_clock(void) {
  TCCR1A = 0;
  TCCR1B = _BV(CS10);
  TIMSK1 = _BV(TOIE1);
  sei();
  uint32_t start = runner_clock();
  const uint32_t reading = runner_clock() - start;
  const uint16_t before = overflows;
  start = runner_clock();
  __builtin_avr_delay_cycles(DELAY_CYCLES);
  const uint32_t delay = runner_clock() - start;
  handler_cycles = (uint16_t)((delay - reading - DELAY_CYCLES) / (uint16_t)(overflows - before));
}
