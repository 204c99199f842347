#include "schema/features.h"

/* google.protobuf.Edition */
enum { EDITION_2023 = 1000, EDITION_2024 = 1001 };

static const gw_features features_proto2 = { GW_PRESENCE_EXPLICIT, GW_ENUM_CLOSED,
                                             GW_REPEATED_EXPANDED, GW_UTF8_NONE,
                                             GW_ENCODING_LENGTH_PREFIXED };
static const gw_features features_proto3 = { GW_PRESENCE_IMPLICIT, GW_ENUM_OPEN, GW_REPEATED_PACKED,
                                             GW_UTF8_VERIFY, GW_ENCODING_LENGTH_PREFIXED };
/* 2024 changed none of these five. */
static const gw_features features_2023 = { GW_PRESENCE_EXPLICIT, GW_ENUM_OPEN, GW_REPEATED_PACKED,
                                           GW_UTF8_VERIFY, GW_ENCODING_LENGTH_PREFIXED };

gw_features gw_features_merge(gw_features inherited, const Sluice__FeatureSet *set) {
  gw_features f = inherited;
  if (set == NULL) return f;
#define FEATURE(has, value, low, high, to)                                                         \
  if ((has) && (value) >= (low) && (value) <= (high)) (to) = (uint8_t)(value)
  FEATURE(set->has_field_presence, set->field_presence, GW_PRESENCE_EXPLICIT, GW_PRESENCE_REQUIRED,
          f.presence);
  FEATURE(set->has_enum_type, set->enum_type, GW_ENUM_OPEN, GW_ENUM_CLOSED, f.enum_type);
  FEATURE(set->has_repeated_field_encoding, set->repeated_field_encoding, GW_REPEATED_PACKED,
          GW_REPEATED_EXPANDED, f.repeated);
  FEATURE(set->has_utf8_validation, set->utf8_validation, GW_UTF8_VERIFY, GW_UTF8_NONE, f.utf8);
  FEATURE(set->has_message_encoding, set->message_encoding, GW_ENCODING_LENGTH_PREFIXED,
          GW_ENCODING_DELIMITED, f.encoding);
#undef FEATURE
  return f;
}

gw_code gw_features_of_file(const Sluice__FileDescriptorProto *file, gw_features *out,
                            gw_err *err) {
  /* protoc leaves `syntax` out for proto2. */
  gw_str syntax = gw_str_of(file->syntax != NULL ? file->syntax : "proto2");
  gw_features defaults;
  if (gw_str_eq(syntax, GW_STR("proto2"))) {
    defaults = features_proto2;
  } else if (gw_str_eq(syntax, GW_STR("proto3"))) {
    defaults = features_proto3;
  } else if (!gw_str_eq(syntax, GW_STR("editions"))) {
    return gw_err_set(err, GW_BAD_VALUE,
                      "has syntax \"" GW_STR_FMT "\"; expected proto2, proto3 or editions",
                      GW_STR_ARG(syntax));
  } else if (file->has_edition && file->edition >= EDITION_2023 && file->edition <= EDITION_2024) {
    defaults = features_2023;
  } else {
    return gw_err_set(err, GW_BAD_VALUE, "has edition number %d; expected 2023 (%d) or 2024 (%d)",
                      file->has_edition ? file->edition : 0, EDITION_2023, EDITION_2024);
  }
  *out = gw_features_merge(defaults, file->options != NULL ? file->options->features : NULL);
  return GW_OK;
}
