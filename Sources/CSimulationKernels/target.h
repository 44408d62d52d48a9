// What the compiler must be told about machines.
#pragma once

#if defined(__x86_64__) && defined(__linux__)
#define LOCKSTEP_HAS_VNNI 1
#include <immintrin.h>
/// For functions that use AVX-512 with its dot products.
#define VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
/// For plain loops: compiled once for each level of the machine.
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define LOCKSTEP_HAS_VNNI 0
#define CLONES
#endif

#define INLINE static inline __attribute__((always_inline))
/// A loop over a few registers, wholly unrolled: `count` is a constant once its function is inlined.
#define FOR_ALL(index, count) _Pragma("clang loop unroll(full)") for (int index = 0; index < (count); index++)
