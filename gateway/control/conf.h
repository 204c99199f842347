/* conf: reading mappings of the configuration by tables of their keys.
 * One table says everything about a mapping: which keys it has, their types and bounds, and which
 * keys Sluice knows but does not serve yet.  Reading, the errors for unknown keys with the nearest
 * name, and the test that every key is documented all use the same tables.
 * Owned by one run of gw_snapshot_parse; main thread.  Readers report what is wrong and read on;
 * memory that is at its end is noted in conf->code. */
#pragma once

#include "control/snapshot.h"
#include "control/yaml.h"

typedef struct gw_option gw_option;

typedef struct gw_options {
  const char *what; /* "route": what has these keys */
  const gw_option *items;
  size_t count;
} gw_options;

#define GW_CONF_NO_CHOICE UINT32_MAX /* a choice that no key made */

typedef struct gw_conf {
  gw_str file;     /* as shown in findings */
  gw_str folder;   /* of the file, with the slash behind it; n == 0: where the process stands */
  gw_arena *arena; /* of the snapshot: what stays */
  gw_arena scratch;
  gw_findings *findings;
  gw_code code; /* GW_NOMEM as soon as memory was missing once */
  gw_snapshot *snapshot;
  bool has_listen;
  bool pool_partial; /* a descriptor set is missing from the pool; that is a finding already */
  const struct gw_conf_upstream *upstream_options; /* as snapshot->upstreams */
  /* Sections that need others first; NULL: absent. */
  const gw_yaml *descriptors, *upstreams, *legacy, *defaults, *services, *routes;
} gw_conf;

typedef void gw_option_fn(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                          void *target);

/* read == NULL: with `keys`, a mapping whose keys write to the same target and that may be written
 * "a: {b: x}" or "a.b: x"; without, a name that is not implemented yet.
 * read != NULL: `keys` only tells what stands inside, for the documentation's test. */
struct gw_option {
  gw_str name;
  gw_option_fn *read;
  const gw_options *keys;
  size_t offset, size;   /* of the number in target */
  uint64_t min, max;     /* in the number's unit */
  const gw_str *choices; /* the words of gw_option_choice; choice_count of them */
  size_t choice_count;
};

#define GW_OPTION_FIELD(type, member)                                                              \
  .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
#define GW_OPTION_NUMBER(key, reader, type, member, lowest, highest)                               \
  {                                                                                                \
    .name = GW_STR_INIT(key), .read = reader, GW_OPTION_FIELD(type, member), .min = (lowest),      \
    .max = (highest)                                                                               \
  }
#define GW_OPTION_CHOICE(key, words, type, member)                                                 \
  {                                                                                                \
    .name = GW_STR_INIT(key), .read = gw_option_choice, GW_OPTION_FIELD(type, member),             \
    .choices = (words), .choice_count = GW_COUNT_OF(words)                                         \
  }
#define GW_OPTION_NODE(key, type, member)                                                          \
  { .name = GW_STR_INIT(key), .read = gw_option_node, GW_OPTION_FIELD(type, member) }
#define GW_OPTION_LATER(key)                                                                       \
  { .name = GW_STR_INIT(key) }

/* Reads `node`, which must be a mapping, into `target`. */
void gw_conf_read_map(gw_conf *conf, const gw_yaml *node, const gw_options *table, void *target);

/* Readers for tables.  Each stores into target at option->offset. */
gw_option_fn gw_option_duration; /* milliseconds */
gw_option_fn gw_option_bytes;
gw_option_fn gw_option_share; /* parts per million */
gw_option_fn gw_option_count;
gw_option_fn gw_option_choice; /* the word's index; also for bool */
gw_option_fn gw_option_bool;   /* true or false */
gw_option_fn gw_option_node;   /* const gw_yaml *: the value itself */

/* Reports at `node`: "NAME": expected EXPECTED, not ...  Silent for a value whose variable is
 * missing. */
void gw_conf_expected(gw_conf *conf, const gw_yaml *node, gw_str name, const char *expected);

/* Text that is not empty; reports and returns p == NULL otherwise.  Borrows from the tree. */
gw_str gw_conf_text(gw_conf *conf, const gw_yaml *node, gw_str name, const char *expected);

gw_place gw_conf_place(const gw_conf *conf, const gw_yaml *node);

/* A path of the configuration, relative to its folder; NUL behind it, in scratch.  p == NULL: no
 * memory, noted. */
gw_str gw_conf_path(gw_conf *conf, gw_str path);

/* "; did you mean \"X\"?" or "", in scratch. */
const char *gw_conf_hint(gw_conf *conf, const gw_str *nearest);

/* NULL: no memory, noted in conf->code. */
void *gw_conf_alloc(gw_conf *conf, size_t size);   /* cleared; stays with the snapshot */
void *gw_conf_scratch(gw_conf *conf, size_t size); /* cleared */
gw_str gw_conf_copy(gw_conf *conf, gw_str text);   /* stays; p == NULL: no memory */

/* The tables of all sections; the first one is the file's own. */
extern const gw_options gw_conf_file_options;
extern const gw_options gw_conf_upstream_options;
extern const gw_options gw_conf_service_options;
extern const gw_options gw_conf_route_options;
extern const gw_options gw_conf_also_options;
