/* What a target gives to the program that tests a network on it. */
#ifndef RUNNER_H
#define RUNNER_H

#include <stdint.h>

/* Takes the next bytes of the test's inputs. Returns whether all of them have come. */
int runner_read(void *to, uint32_t bytes);

/* Appends to the test's outputs. Returns whether that went well. */
int runner_write(const void *from, uint32_t bytes);

/* Ends the program; 0 is success. Test programs end so, since not every start-up expects main to return. */
void runner_exit(int status) __attribute__((noreturn));

/* The processor's cycles since the clock was started, modulo 2^32; on targets whose "profile" names its sources. */
void runner_start_clock(void);
uint32_t runner_clock(void);

/* Sets `to`, a uintptr_t, to the lowest address of the stack that is in use. */
#if defined(__AVR__)
#define RUNNER_STACK_POINTER(to) ((to) = (uintptr_t)*(volatile uint16_t *)0x5D + 1u)
#elif defined(__arm__)
#define RUNNER_STACK_POINTER(to) __asm__ volatile("mov %0, sp" : "=r"(to))
#elif defined(__riscv)
#define RUNNER_STACK_POINTER(to) __asm__ volatile("mv %0, sp" : "=r"(to))
#endif

/* What a start-up ends with when the processor takes a fault. */
#define RUNNER_FAULT 100

#endif /* RUNNER_H */
