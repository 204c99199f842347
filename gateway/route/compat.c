#include "route/compat.h"

/* One behaviour of one row of TRANSCODING section 15, by profile. */
typedef struct compat_row {
  const char *id;
  size_t offset, size; /* in gw_compat; size 0: no profile changes anything */
  uint8_t values[GW_COMPAT_COUNT];
} compat_row;

#define ROW(id, member, usual, envoy, grpc_gateway)                                                \
  {                                                                                                \
    id, offsetof(gw_compat, member), sizeof(((gw_compat *)NULL)->member), {                        \
      usual, envoy, grpc_gateway                                                                   \
    }                                                                                              \
  }
/* What stands behind the id is the reason. */
#define SAME(id, reason)                                                                           \
  {                                                                                                \
    id, 0, 0, {                                                                                    \
      0, 0, 0                                                                                      \
    }                                                                                              \
  }

/* clang-format off */
static const compat_row compat_rows[] = {
/*     row   behaviour             default              envoy                grpc-gateway */
  ROW("D-01", path_list,             GW_LIST_REFUSED,     GW_LIST_ONE,         GW_LIST_COMMAS),
  ROW("D-02", duplicate_last,        false,               false,               true),
  SAME("D-03", "nobody of the two accepts what the default refuses"),
  SAME("D-04", "all three accept"),
  ROW("D-05", template_colons,       false,               false,               true),
  ROW("D-06", verb_suffix,           false,               false,               true),
  ROW("D-07", unescape,              GW_UNESCAPE_RESERVED,GW_UNESCAPE_RESERVED,GW_UNESCAPE_LEGACY),
  ROW("D-08", slash,                 GW_SLASH_IGNORE,     GW_SLASH_ALL,        GW_SLASH_STRICT),
  ROW("D-09", many_needs_one,        false,               true,                false),
  ROW("D-09", many_slash,            false,               false,               true),
  ROW("D-10", overlap_warned,        false,               false,               true),
  ROW("D-11", wrong_method,          GW_WRONG_METHOD_405, GW_WRONG_METHOD_404, GW_WRONG_METHOD_501),
  SAME("D-12", "octal and hexadecimal numbers in paths: 010 must not be 8"),
  ROW("D-13", json.bools,            GW_BOOLS_USUAL,      GW_BOOLS_CPP,        GW_BOOLS_GO),
  SAME("D-14", "a body must not override what the path said"),
  SAME("D-15", "a query must not override what the path said"),
  ROW("D-16", query_merged,          false,               true,                false),
  ROW("D-17", query_bare_ignored,    false,               true,                false),
  ROW("D-18", query_plus,            false,               true,                false),
  ROW("D-19", query_escape_lenient,  false,               true,                false),
  ROW("D-20", query_proto_first,     false,               false,               true),
  ROW("D-21", query_reject_unknown,  false,               true,                false),
  ROW("D-22", query_last_wins,       false,               true,                false),
  ROW("D-23", json.plain_integers,   false,               false,               true),
  SAME("D-24", "grpc-gateway refuses undeclared numbers as the default does"),
  ROW("D-25", json.go_durations,     false,               false,               true),
  ROW("D-26", json.mask_snake,       false,               true,                false),
  ROW("D-26", json.mask_verbatim,    false,               false,               true),
  SAME("D-27", "the default accepts what grpc-gateway accepts"),
  SAME("D-28", "all ignore it"),
  SAME("D-29", "all three accept"),
  SAME("D-30", "all ignore them"),
  ROW("D-31", json.tail_ignored,     false,               false,               true),
  ROW("D-32", media_any,             false,               true,                true),
  ROW("D-33", response_raw_only,     false,               true,                false),
  ROW("D-34", message_kept,          false,               true,                false),
  ROW("D-35", bad_answer_500,        false,               false,               true),
  ROW("D-36", header_names,          GW_NAMES_LISTED,     GW_NAMES_SAME,       GW_NAMES_PREFIXED),
  ROW("D-37", stream,                GW_STREAM_AUTO,      GW_STREAM_ARRAY,     GW_STREAM_RESULT),
  ROW("D-37", stream_error_closes,   false,               true,                false),
  ROW("D-37", stream_error_wrapped,  false,               false,               true),
  ROW("D-38", request_stream,        GW_SPLIT_ANY,        GW_SPLIT_ARRAY,      GW_SPLIT_LINES),
  ROW("D-39", json.lenient,          false,               true,                false),
  ROW("D-40", json.last_key_wins,    false,               true,                false),
  ROW("D-41", json.loose_numbers,    false,               true,                false),
  SAME("D-42", "exact everywhere"),
  ROW("D-43", json.quoted_enums,     false,               true,                false),
  SAME("D-44", "grpc-gateway keeps them as the default does"),
  ROW("D-45", required_checked,      false,               false,               true),
  ROW("D-46", json.durations,        GW_DURATIONS_STRICT, GW_DURATIONS_CPP,    GW_DURATIONS_GO),
  ROW("D-47", json.bare_types,       false,               false,               true),
  ROW("D-48", json.empty_bare,       false,               true,                false),
  ROW("D-49", json.emit,             GW_EMIT_SET,         GW_EMIT_SET,         GW_EMIT_NULLS),
  ROW("D-49", json.optional_omitted, false,               false,               true),
  ROW("D-50", json.printf_digits,    false,               true,                false),
  ROW("D-51", json.html_escapes,     false,               true,                false),
  ROW("D-52", json.value_needed,     false,               false,               true),
  SAME("D-53", "499 everywhere"),
  ROW("D-54", foreign_passed,        false,               true,                false),
  ROW("D-55", errors_in_headers,     false,               true,                false),
  ROW("D-55", errors,                GW_ERRORS_GOOGLE,    GW_ERRORS_BRIEF,     GW_ERRORS_GOOGLE),
  ROW("D-56", method_override,       false,               false,               true),
};
/* clang-format on */

gw_compat gw_compat_of(gw_compat_profile profile) {
  gw_compat compat;
  memset(&compat, 0, sizeof compat);
  for (size_t i = 0; i < GW_COUNT_OF(compat_rows); i++) {
    const compat_row *row = &compat_rows[i];
    /* bool or enum: little-endian, the rest is zero already */
    if (row->size > 0) memcpy((char *)&compat + row->offset, &row->values[profile], 1);
  }
  return compat;
}

const char *gw_compat_row(size_t i) {
  return i < GW_COUNT_OF(compat_rows) ? compat_rows[i].id : NULL;
}
