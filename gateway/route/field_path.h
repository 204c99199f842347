/* field_path: comparing paths of fields, and writing a value where its path says.
 * Pure; any thread. */
#pragma once

#include "base/buf.h"
#include "route/rule.h"

/* How many leading fields are the same. */
uint32_t gw_field_path_common(gw_field_path a, gw_field_path b);

/* True when one is the other or lies below it: what sets one sets the other. */
static inline bool gw_field_path_overlaps(gw_field_path a, gw_field_path b) {
  uint32_t common = gw_field_path_common(a, b);
  return common == a.count || common == b.count;
}

/* The member of one oneof that `b` sets while `a` sets another one; NULL: they get along. */
const gw_field *gw_field_path_oneof_rival(gw_field_path a, gw_field_path b);

/* Encloses the bytes of `out` from `start` on in the messages fields[0 .. count), outermost first.
 * GW_TOO_LARGE, GW_NOMEM: `out` is as it was. */
GW_CHECKED gw_code gw_field_path_wrap(const gw_field *const *fields, uint32_t count, gw_buf *out,
                                      size_t start);

/* True when the bytes of a body become a google.api.HttpBody that `path` lies in: they fill all of
 * it, and what path or header say about it is ignored (TRANSCODING section 6.1). */
static inline bool gw_field_path_in_raw_body(const gw_rule *rule, gw_field_path path) {
  return rule->reads_raw && gw_field_path_common(rule->body, path) == rule->body.count;
}

/* Says that `message` has no field `name`, and which one is near. */
gw_code gw_field_path_unknown(gw_err *err, gw_str path, const gw_message *message, gw_str name);

/* Says that the body sets `rival`, another member of a oneof, than what `path` names. */
gw_code gw_field_path_in_body(gw_err *err, gw_str path, const gw_field *rival);

/* The field of that proto name or, unless proto_only, of that JSON name: where they cross, the
 * proto name is meant. */
const gw_field *gw_field_path_find(const gw_message *message, gw_str name, bool proto_only);

/* As gw_field_path_parse, but only proto names count: in a template, which google/api/http.proto
 * writes in them. */
GW_CHECKED gw_code gw_field_path_parse_template(gw_str text, const gw_message *message,
                                                gw_arena *arena, gw_field_path *out, gw_err *err);

/* True for a message whose JSON can be one plain text: Timestamp, Duration, FieldMask, wrappers. */
static inline bool gw_field_is_plain_message(const gw_message *message) {
  return message->wkt == GW_WKT_TIMESTAMP || message->wkt == GW_WKT_DURATION ||
         message->wkt == GW_WKT_FIELD_MASK || message->wkt == GW_WKT_WRAPPER;
}
