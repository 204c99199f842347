#include "control/service_reader.h"

#include <stdarg.h>
#include <stdio.h>

#include "control/json_place.h"

#define READER_TEXT_MAX 400u /* bytes of one report */
#define READER_PATH_MAX 200u

/* ---- reports ---- */

/* The levels from the outermost to `at`. */
static size_t reader_levels(const gw_service_at *at, const gw_service_at **levels) {
  size_t n = 0;
  for (const gw_service_at *i = at; i != NULL && i->outer != NULL; i = i->outer)
    n++;
  assert(n <= GW_SERVICE_DEPTH_MAX);
  for (size_t i = n; i > 0; at = at->outer)
    levels[--i] = at;
  return n;
}

static void reader_path_print(const gw_service_at *const *levels, size_t count,
                              char path[READER_PATH_MAX]) {
  size_t n = 0;
  path[0] = '\0';
  for (size_t i = 0; i < count && n < READER_PATH_MAX - 1; i++) {
    int wrote =
        levels[i]->key == NULL
            ? snprintf(path + n, READER_PATH_MAX - n, "[%zu]", levels[i]->index)
            : snprintf(path + n, READER_PATH_MAX - n, "%s%.100s", i > 0 ? "." : "", levels[i]->key);
    n += gw_size_min((size_t)wrote, READER_PATH_MAX - 1 - n);
  }
}

static void reader_add(const gw_service_reader *reader, const gw_service_at *at, bool is_warning,
                       const char *text) {
  const gw_service_at *levels[GW_SERVICE_DEPTH_MAX];
  gw_json_step steps[GW_SERVICE_DEPTH_MAX];
  char path[READER_PATH_MAX];
  gw_findings *findings = reader->conf->findings;
  size_t count = reader_levels(at, levels);
  reader_path_print(levels, count, path);
  for (size_t i = 0; i < count; i++) {
    steps[i] = (gw_json_step){ .index = levels[i]->index };
    if (levels[i]->key != NULL) steps[i].key = gw_str_of(levels[i]->key);
  }
  gw_place place = { reader->file, 1, 1 };
  if (findings->count < GW_FINDINGS_MAX) { /* what is not shown needs no place */
    gw_json_place_find(reader->text, steps, count, &place.line, &place.column);
  }
  (is_warning ? gw_findings_warn : gw_findings_add)(findings, place, "%s%s%s", path,
                                                    count > 0 ? ": " : "", text);
}

void gw_service_report(const gw_service_reader *reader, const gw_service_at *at, const char *format,
                       ...) {
  char text[READER_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  reader_add(reader, at, false, text);
}

void gw_service_warn(const gw_service_reader *reader, const gw_service_at *at, const char *format,
                     ...) {
  char text[READER_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  reader_add(reader, at, true, text);
}

void gw_service_expected(const gw_service_reader *reader, const gw_service_at *at,
                         const json_t *value, const char *expected) {
  char shown[100];
  switch (json_typeof(value)) {
  case JSON_OBJECT: snprintf(shown, sizeof shown, "an object"); break;
  case JSON_ARRAY: snprintf(shown, sizeof shown, "a list"); break;
  case JSON_STRING: snprintf(shown, sizeof shown, "\"%.80s\"", json_string_value(value)); break;
  case JSON_INTEGER:
    snprintf(shown, sizeof shown, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    break;
  case JSON_REAL: snprintf(shown, sizeof shown, "%g", json_real_value(value)); break;
  case JSON_TRUE: snprintf(shown, sizeof shown, "true"); break;
  case JSON_FALSE: snprintf(shown, sizeof shown, "false"); break;
  case JSON_NULL: snprintf(shown, sizeof shown, "null"); break;
  }
  gw_service_report(reader, at, "expected %s, not %s", expected, shown);
}

/* ---- objects and lists ---- */

const json_t *gw_service_member(const json_t *object, const char *key) {
  const json_t *value = json_object_get(object, key);
  return json_is_null(value) ? NULL : value;
}

void gw_service_check_keys(const gw_service_reader *reader, const gw_service_at *at,
                           const json_t *object, const gw_str *known, size_t count) {
  for (void *i = json_object_iter((json_t *)(uintptr_t)object); i != NULL;
       i = json_object_iter_next((json_t *)(uintptr_t)object, i)) {
    gw_service_at here = { .outer = at, .key = json_object_iter_key(i) };
    gw_str key = gw_str_of(here.key);
    bool is_known = false;
    for (size_t k = 0; k < count; k++)
      is_known |= gw_str_eq(key, known[k]);
    if (is_known) continue;
    bool kept = reader->conf->findings->count < GW_FINDINGS_MAX;
    const gw_str *nearest = kept ? gw_str_nearest(key, known, count) : NULL;
    gw_service_warn(reader, &here, "unknown, and without effect%s",
                    gw_conf_hint(reader->conf, nearest));
  }
}

bool gw_service_object(const gw_service_reader *reader, const gw_service_at *at,
                       const json_t *value) {
  if (value == NULL) return false;
  if (!json_is_object(value)) gw_service_expected(reader, at, value, "an object");
  return json_is_object(value);
}

bool gw_service_list(const gw_service_reader *reader, const gw_service_at *at,
                     const json_t *value) {
  if (value == NULL) return false;
  if (!json_is_array(value)) gw_service_expected(reader, at, value, "a list");
  return json_is_array(value);
}

/* ---- values ---- */

static gw_str reader_string(const json_t *value) {
  return (gw_str){ json_string_value(value), json_string_length(value) };
}

/* protobuf's JSON of a Duration, without a sign: "1.5s". */
static bool reader_duration_parse(gw_str text, uint64_t *ms) {
  uint64_t seconds = 0, nanos = 0;
  if (text.n < 2 || text.p[text.n - 1] != 's') return false;
  gw_str fraction = gw_str_first(text, text.n - 1);
  bool has_point = gw_str_find(fraction, '.') < fraction.n;
  gw_str whole = gw_str_cut(&fraction, '.');
  if (whole.n > 12 || fraction.n > 9 || whole.n + fraction.n == 0) return false;
  if (has_point && fraction.n == 0) return false;
  if (whole.n > 0 && !gw_str_parse_u64(whole, &seconds)) return false;
  if (fraction.n > 0 && !gw_str_parse_u64(fraction, &nanos)) return false;
  for (size_t i = fraction.n; i < 9; i++)
    nanos *= 10;
  *ms = seconds * 1000 + (nanos + 999999) / 1000000;
  return true;
}

bool gw_service_duration(const gw_service_reader *reader, const gw_service_at *outer,
                         const json_t *object, const char *key, bool positive, uint64_t *ms) {
  gw_service_at at = { .outer = outer, .key = key };
  const json_t *value = gw_service_member(object, key);
  uint64_t parsed = 0;
  if (value == NULL) return false;
  bool good = json_is_string(value) && reader_duration_parse(reader_string(value), &parsed);
  if (!good || (positive && parsed == 0)) {
    gw_service_expected(reader, &at, value,
                        positive ? "a duration such as \"1.5s\", above none"
                                 : "a duration such as \"1.5s\"");
    return false;
  }
  *ms = parsed;
  return true;
}

bool gw_service_count(const gw_service_reader *reader, const gw_service_at *outer,
                      const json_t *object, const char *key, uint64_t min, uint64_t *out) {
  gw_service_at at = { .outer = outer, .key = key };
  const json_t *value = gw_service_member(object, key);
  char expected[64];
  uint64_t number = 0;
  if (value == NULL) return false;
  bool good = json_is_string(value) && gw_str_parse_u64(reader_string(value), &number);
  if (json_is_integer(value) && json_integer_value(value) >= 0) {
    number = (uint64_t)json_integer_value(value);
    good = true;
  }
  if (!good || number < min || number > UINT32_MAX) {
    snprintf(expected, sizeof expected, "a whole number from %u to %u", (unsigned)min, UINT32_MAX);
    gw_service_expected(reader, &at, value, expected);
    return false;
  }
  *out = number;
  return true;
}

bool gw_service_number(const gw_service_reader *reader, const gw_service_at *outer,
                       const json_t *object, const char *key, double max, double *out) {
  gw_service_at at = { .outer = outer, .key = key };
  const json_t *value = gw_service_member(object, key);
  char expected[64];
  if (value == NULL) return false;
  double number = json_is_number(value) ? json_number_value(value) : 0;
  if (!(number > 0) || number > max) {
    snprintf(expected, sizeof expected, "a number above 0, at most %g", max);
    gw_service_expected(reader, &at, value, expected);
    return false;
  }
  *out = number;
  return true;
}

bool gw_service_flag(const gw_service_reader *reader, const gw_service_at *outer,
                     const json_t *object, const char *key, bool *out) {
  gw_service_at at = { .outer = outer, .key = key };
  const json_t *value = gw_service_member(object, key);
  if (value == NULL) return false;
  if (json_is_boolean(value)) {
    *out = json_is_true(value);
    return true;
  }
  gw_service_expected(reader, &at, value, "true or false");
  return false;
}

bool gw_service_text(const gw_service_reader *reader, const gw_service_at *outer,
                     const json_t *object, const char *key, gw_str *out) {
  gw_service_at at = { .outer = outer, .key = key };
  const json_t *value = gw_service_member(object, key);
  if (value == NULL) return false;
  if (!json_is_string(value)) {
    gw_service_expected(reader, &at, value, "text");
    return false;
  }
  *out = gw_arena_copy(&reader->conf->scratch, reader_string(value));
  if (out->p == NULL) reader->conf->code = GW_NOMEM;
  return out->p != NULL;
}

static bool reader_code_parse(const json_t *value, uint32_t *bit) {
  if (json_is_integer(value)) {
    json_int_t number = json_integer_value(value);
    if (number < 0 || number >= GW_GRPC_CODE_COUNT) return false;
    *bit = 1u << number;
    return true;
  }
  for (unsigned i = 0; json_is_string(value) && i < GW_GRPC_CODE_COUNT; i++) {
    if (!gw_str_eq_nocase(reader_string(value), gw_str_of(gw_grpc_code_name(i)))) continue;
    *bit = 1u << i;
    return true;
  }
  return false;
}

bool gw_service_codes(const gw_service_reader *reader, const gw_service_at *outer,
                      const json_t *object, const char *key, uint32_t *codes) {
  gw_service_at at = { .outer = outer, .key = key };
  const json_t *list = gw_service_member(object, key);
  bool good = true;
  if (!gw_service_list(reader, &at, list)) return false;
  for (size_t i = 0; i < json_array_size(list); i++) {
    gw_service_at here = { .outer = &at, .index = i };
    const json_t *value = json_array_get(list, i);
    uint32_t bit = 0;
    if (reader_code_parse(value, &bit)) {
      *codes |= bit;
      continue;
    }
    good = false;
    gw_service_expected(reader, &here, value, "a gRPC code such as \"UNAVAILABLE\" or 14");
  }
  return good;
}
