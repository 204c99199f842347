/* reserved: the numbers and names that a message or an enumeration keeps from being used again. */
#include <stdlib.h>

#include "schema/build.h"

static int reserved_range_order(const void *a, const void *b) {
  const gw_range *x = a, *y = b;
  return (x->first > y->first) - (x->first < y->first);
}

static int reserved_name_order(const void *a, const void *b) {
  return gw_str_compare(*(const gw_str *)a, *(const gw_str *)b);
}

/* In messages the end is the first number behind a range, in enumerations its last one
 * (descriptor.proto). */
gw_code gw_reserved_build(gw_build *b, const gw_reserved_source *source, gw_reserved *out) {
  gw_arena *arena = &b->pool->arena;
  gw_range *ranges = gw_arena_alloc(arena, source->range_count * sizeof *ranges);
  gw_str *names = gw_arena_alloc(arena, source->name_count * sizeof *names);
  if (ranges == NULL || names == NULL) return GW_NOMEM;
  for (size_t i = 0; i < source->range_count; i++) {
    int32_t end = source->ranges[i]->end;
    if (source->is_open && end > INT32_MIN) end--;
    ranges[i] = (gw_range){ source->ranges[i]->start, end };
  }
  for (size_t i = 0; i < source->name_count; i++) {
    names[i] = gw_arena_copy(arena, gw_build_str(source->names[i]));
    if (names[i].p == NULL) return GW_NOMEM;
  }
  if (source->range_count > 1)
    qsort(ranges, source->range_count, sizeof *ranges, reserved_range_order);
  if (source->name_count > 1) qsort(names, source->name_count, sizeof *names, reserved_name_order);
  *out =
      (gw_reserved){ ranges, names, (uint32_t)source->range_count, (uint32_t)source->name_count };
  return GW_OK;
}

/* Ranges do not overlap: protoc sees to it, and where they did, a number might only seem free. */
bool gw_reserved_has_number(const gw_reserved *reserved, int32_t number) {
  uint32_t low = 0, high = reserved->range_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (reserved->ranges[middle].first <= number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low > 0 && reserved->ranges[low - 1].last >= number;
}

bool gw_reserved_has_name(const gw_reserved *reserved, gw_str name) {
  return reserved->name_count > 0 && bsearch(&name, reserved->names, reserved->name_count,
                                             sizeof name, reserved_name_order) != NULL;
}
