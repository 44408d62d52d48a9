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

/* What a start-up ends with when the processor takes a fault. */
#define RUNNER_FAULT 100

#endif /* RUNNER_H */
