/* Start-up of an Arm Cortex-M: vector table, memory, floating-point and vector unit, main. */
#include <stdint.h>

#include "runner.h"

extern uint32_t link_stack_top[], link_data_load[];
extern uint32_t link_data_start[], link_data_end[], link_bss_start[], link_bss_end[];
int main(void);
void reset(void);

static void fault(void) { runner_exit(RUNNER_FAULT); }

/* The sixteen entries of the architecture; no interrupt is ever enabled. */
typedef void (*vector)(void);
__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
  (vector)link_stack_top, reset, fault, fault, fault, fault, fault, fault, 0, 0, 0, fault, fault, 0, fault, fault,
};

void reset(void) {
#if __ARM_ARCH >= 7
  /* Full access to coprocessors 10 and 11, which are the floating-point and the vector unit. */
  volatile uint32_t *const cpacr = (volatile uint32_t *)0xE000ED88u;
  *cpacr |= 0xFu << 20;
  __asm__ volatile("dsb\n isb" ::: "memory");
#endif
  const uint32_t *from = link_data_load;
  for (uint32_t *to = link_data_start; to < link_data_end; to++) *to = *from++;
  for (uint32_t *to = link_bss_start; to < link_bss_end; to++) *to = 0;
  runner_exit(main());
}
