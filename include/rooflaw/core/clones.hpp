#pragma once
// ROOFLAW_CLONES before a function: compiled for AVX-512, for AVX2 and for any processor, the best
// chosen when the program starts. For loops of + - * / and comparisons only, which give the same
// bits in each.

// Sanitizers do not get on with the resolver functions that target_clones makes. The first name is
// for any processor with AVX-512 as servers have it; a processor's name is for that one only.
#if defined(__x86_64__) && defined(__GNUC__) && __GNUC__ >= 12 && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ROOFLAW_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define ROOFLAW_CLONES
#endif
