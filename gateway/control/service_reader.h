/* service_reader: values of a gRPC service config in JSON, each checked and reported about at its
 * place: line, column, and the path to it ("methodConfig[0].retryPolicy.maxAttempts").
 * What is null counts as not given, as everywhere in protobuf's JSON.
 * Private to control/: control/service_config.h.  Main thread. */
#pragma once

#include <jansson.h>

#include "control/conf.h"

/* Where the reader is; each level lives in the function that reads it. */
typedef struct gw_service_at {
  const struct gw_service_at *outer; /* NULL: the whole file */
  const char *key;                   /* NULL: an element */
  size_t index;
} gw_service_at;

typedef struct gw_service_reader {
  gw_conf *conf;
  gw_str file; /* as shown */
  gw_str text;
} gw_service_reader;

#define GW_SERVICE_DEPTH_MAX                                                                       \
  8u /* levels of what is read: methodConfig[].retryPolicy.codes[] is 5 */

void gw_service_report(const gw_service_reader *reader, const gw_service_at *at, const char *format,
                       ...) GW_PRINTF(3, 4);
void gw_service_warn(const gw_service_reader *reader, const gw_service_at *at, const char *format,
                     ...) GW_PRINTF(3, 4);
/* "expected EXPECTED, not ..." */
void gw_service_expected(const gw_service_reader *reader, const gw_service_at *at,
                         const json_t *value, const char *expected);

/* NULL: not given. */
const json_t *gw_service_member(const json_t *object, const char *key);
/* Warns of members that are none of `known`. */
void gw_service_check_keys(const gw_service_reader *reader, const gw_service_at *at,
                           const json_t *object, const gw_str *known, size_t count);

/* Members of `object`, which is at `outer`.  False: not given, or wrong, which is reported.  `out`
 * is untouched then. */
bool gw_service_object(const gw_service_reader *reader, const gw_service_at *at,
                       const json_t *value);
bool gw_service_list(const gw_service_reader *reader, const gw_service_at *at, const json_t *value);
/* "1.5s", in whole milliseconds, rounded up; `positive`: more than none. */
bool gw_service_duration(const gw_service_reader *reader, const gw_service_at *outer,
                         const json_t *object, const char *key, bool positive, uint64_t *ms);
/* A whole number, also written as text. */
bool gw_service_count(const gw_service_reader *reader, const gw_service_at *outer,
                      const json_t *object, const char *key, uint64_t min, uint64_t *out);
bool gw_service_number(const gw_service_reader *reader, const gw_service_at *outer,
                       const json_t *object, const char *key, double max, double *out);
bool gw_service_flag(const gw_service_reader *reader, const gw_service_at *outer,
                     const json_t *object, const char *key, bool *out);
/* Into scratch. */
bool gw_service_text(const gw_service_reader *reader, const gw_service_at *outer,
                     const json_t *object, const char *key, gw_str *out);
/* A list of gRPC codes, as names or numbers, into a set of bits. */
bool gw_service_codes(const gw_service_reader *reader, const gw_service_at *outer,
                      const json_t *object, const char *key, uint32_t *codes);
