/* features: what a field or an enumeration inherits: the defaults of its file's syntax or edition,
 * overridden by file, message, oneof and field in turn (protobuf.dev: Feature Settings for
 * Editions).  Pure; any thread. */
#pragma once

#include "base/err.h"
#include "sluice/descriptor.pb-c.h"

/* Numbers of google.protobuf.FeatureSet's enumerations. */
typedef struct gw_features {
  uint8_t presence;  /* GW_PRESENCE_* */
  uint8_t enum_type; /* GW_ENUM_* */
  uint8_t repeated;  /* GW_REPEATED_* */
  uint8_t utf8;      /* GW_UTF8_* */
  uint8_t encoding;  /* GW_ENCODING_* */
} gw_features;

enum { GW_PRESENCE_EXPLICIT = 1, GW_PRESENCE_IMPLICIT = 2, GW_PRESENCE_REQUIRED = 3 };
enum { GW_ENUM_OPEN = 1, GW_ENUM_CLOSED = 2 };
enum { GW_REPEATED_PACKED = 1, GW_REPEATED_EXPANDED = 2 };
enum { GW_UTF8_VERIFY = 2, GW_UTF8_NONE = 3 };
enum { GW_ENCODING_LENGTH_PREFIXED = 1, GW_ENCODING_DELIMITED = 2 };

/* Errors: GW_BAD_VALUE: a syntax or edition that is not known. */
GW_CHECKED gw_code gw_features_of_file(const Sluice__FileDescriptorProto *file, gw_features *out,
                                       gw_err *err);

/* `set` may be NULL.  Values that no edition up to 2024 knows change nothing. */
gw_features gw_features_merge(gw_features inherited, const Sluice__FeatureSet *set);
