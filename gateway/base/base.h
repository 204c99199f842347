/* base: what every file needs: fixed-width types, attributes, small arithmetic.
 * Pure; any thread. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_CHECKED        __attribute__((warn_unused_result))
#define GW_PRINTF(fmt, a) __attribute__((format(printf, fmt, a)))
#define GW_LIKELY(x)      __builtin_expect(!!(x), 1)
/* For what few requests need: kept out of the way of all others. */
#define GW_COLD          __attribute__((cold, noinline))
#define GW_UNLIKELY(x)   __builtin_expect(!!(x), 0)
#define GW_ALWAYS_INLINE inline __attribute__((always_inline))
#define GW_COUNT_OF(a)   (sizeof(a) / sizeof((a)[0]))

/* The object that embeds `member` at `pointer`. */
#define GW_CONTAINER_OF(pointer, type, member)                                                     \
  ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* True when a + b does not fit; *sum is then unspecified. */
static inline bool gw_add_overflows(size_t a, size_t b, size_t *sum) {
  return __builtin_add_overflow(a, b, sum);
}

static inline size_t gw_size_min(size_t a, size_t b) {
  return a < b ? a : b;
}

static inline size_t gw_size_max(size_t a, size_t b) {
  return a > b ? a : b;
}
