#ifndef LOCKSTEP_VERIFICATION_KERNELS_H
#define LOCKSTEP_VERIFICATION_KERNELS_H
#include <stddef.h>
#include <stdint.h>
#endif
