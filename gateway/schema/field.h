/* field: one FieldDescriptorProto -> gw_field, all but its place among its neighbours. */
#pragma once

#include "schema/build.h"

typedef struct gw_field_source {
  const Sluice__FieldDescriptorProto *proto;
  const gw_build_file *file;
  const gw_build_message *parent; /* of an extension: the extended message */
  gw_str extension;               /* its full name; n == 0: an ordinary field */
  gw_features features;           /* of the scope: message (and oneof), or the extension's scope */
  int32_t oneof;                  /* real ones only; -1: none */
} gw_field_source;

/* Faults are reported; only GW_NOMEM is returned. */
GW_CHECKED gw_code gw_field_build(gw_build *b, const gw_field_source *source, gw_field *out);
