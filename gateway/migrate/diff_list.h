/* diff_list: the differences of one comparison as they are found, and the place in the bodies where
 * it stands.
 * GW_DIFFS_MAX are listed, and of those with one pattern and kind GW_DIFFS_ALIKE_MAX, so that a
 * long list of equal faults hides no other one; all are counted.
 * Memory in the arena; one thread. */
#pragma once

#include "migrate/compare.h"

#define GW_DIFFS_ALIKE_MAX     8u
#define GW_DIFF_POINTER_MAX    GW_KIB(1) /* bytes; the end of a longer one is cut and says so */
#define GW_DIFF_PATH_STEPS_MAX (GW_JSON_BRACKETS_MAX + 1)

typedef struct gw_diff_step {
  gw_str key;     /* p == NULL: an element */
  uint32_t index; /* of an element */
  bool is_any;    /* "*" in the pattern */
  uint64_t hash;  /* of the pattern, whatever the names are in which it is written */
} gw_diff_step;

typedef struct gw_diff_seen {
  uint64_t hash; /* of pattern and kind; 0: free */
  uint32_t count;
} gw_diff_seen;

typedef struct gw_diff_list {
  gw_arena *arena;
  gw_diff *items; /* GW_DIFFS_MAX, or NULL as long as there are none */
  uint32_t count, more;
  uint32_t kinds[GW_DIFF_KIND_COUNT];
  gw_diff_step steps[GW_DIFF_PATH_STEPS_MAX];
  uint32_t depth;
  uint64_t seed;
  gw_diff_seen *seen;
  uint32_t seen_mask, seen_count;
} gw_diff_list;

void gw_diff_list_init(gw_diff_list *list, gw_arena *arena);

/* `field`: the member's, which has other names too; NULL: the key is its name.  is_map: keys of a
 * map are all alike. */
void gw_diff_list_enter(gw_diff_list *list, gw_str key, const gw_field *field, bool is_map);
void gw_diff_list_enter_item(gw_diff_list *list, uint32_t index);
void gw_diff_list_leave(gw_diff_list *list);

/* True the first time that it is asked for the pattern of this place. */
GW_CHECKED gw_code gw_diff_list_first(gw_diff_list *list, bool *first);

/* Counts a difference at this place; *wanted: it is to be listed, by gw_diff_list_put(). */
GW_CHECKED gw_code gw_diff_list_count(gw_diff_list *list, gw_diff_kind kind, bool *wanted);
GW_CHECKED gw_code gw_diff_list_put(gw_diff_list *list, gw_diff_kind kind, gw_str legacy,
                                    gw_str grpc, gw_str option);
/* Both for what is not in the bodies: "status". */
GW_CHECKED gw_code gw_diff_list_add(gw_diff_list *list, gw_str pointer, gw_diff_kind kind,
                                    gw_str legacy, gw_str grpc, gw_str option);
