#include "CSimulationKernels.h"
#include "target.h"

lockstep_instructions lockstep_best_instructions(void) {
#if LOCKSTEP_HAS_VNNI
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return LOCKSTEP_VNNI;
#endif
  return LOCKSTEP_PORTABLE;
}
