/* build: the state of one gw_pool_load(), and its stages in the order in which they run.
 * A stage goes through everything and reports every fault that it can find; the next one runs only
 * if there was none, since it would report mere consequences.  Stages return GW_NOMEM at once and
 * otherwise GW_OK; gw_build.first says whether something was reported.
 * Memory: what outlives the load is the pool's, everything else the scratch arena's. */
#pragma once

#include "base/buf.h"
#include "schema/features.h"
#include "schema/load.h"
#include "schema/pool.h"

#define GW_SCHEMA_MEMORY_MAX                                                                       \
  GW_MIB(1024)                       /* of tables, and of scratch: 64 MiB of sets, unpacked        \
                                      */
#define GW_SCHEMA_REPORTS_MAX 100u   /* errors of one load; more help nobody */
#define GW_SCHEMA_FIELDS_MAX  65535u /* of a message, values of an enum: protoc's own limit */

typedef struct gw_build_file {
  gw_str name; /* "google/protobuf/any.proto" */
  const Sluice__FileDescriptorProto *proto;
  gw_features features;
  uint32_t index;
  bool builtin;
  uint8_t walk; /* load.c: how far the search for import cycles got */
} gw_build_file;

typedef struct gw_build_message {
  gw_message *message;
  const Sluice__DescriptorProto *proto;
  const gw_build_file *file;
  gw_features features;
  uint32_t extension_count;
  gw_field *fields; /* message->fields while they are filled */
} gw_build_message;

typedef struct gw_build_extension {
  gw_str full_name;
  const Sluice__FieldDescriptorProto *proto;
  const gw_build_file *file;
  gw_features features; /* of the scope: message or file */
  gw_build_message *extendee;
} gw_build_extension;

typedef struct gw_build_service {
  gw_service *service;
  const Sluice__ServiceDescriptorProto *proto;
  const gw_build_file *file;
} gw_build_service;

typedef struct gw_build {
  gw_pool *pool;
  gw_arena scratch;
  gw_buf text; /* for gw_name_quote(); in the scratch arena */
  gw_symbols file_names;
  gw_build_file *files;
  uint32_t file_count;
  gw_build_message *messages; /* by gw_message.id */
  gw_build_extension *extensions;
  uint32_t extension_count;
  gw_build_service *services;
  uint32_t service_count;
  gw_schema_report_fn *report;
  void *context;
  uint32_t report_count;
  gw_code first; /* of the errors reported */
} gw_build;

/* Reports an error at FILE: ELEMENT; `element` may be empty. */
void gw_build_error(gw_build *b, gw_code code, const gw_build_file *file, gw_str element,
                    const char *format, ...) GW_PRINTF(5, 6);

/* Reads the sources, then the built-in set: b->files. */
GW_CHECKED gw_code gw_files_read(gw_build *b, const gw_schema_source *sources, size_t count);
GW_CHECKED gw_code gw_files_check_imports(gw_build *b);

/* Makes messages, enumerations, services and extensions known by name. */
GW_CHECKED gw_code gw_declare_all(gw_build *b);

/* Fields, and everything in a gw_message that depends on them. */
GW_CHECKED gw_code gw_link_all(gw_build *b);
GW_CHECKED gw_code gw_services_link(gw_build *b);

/* What code relies on: the shape of map entries and of well-known types. */
void gw_shape_check(gw_build *b);
gw_wkt gw_shape_wkt(gw_str full_name);

/* One enumeration with its values. */
GW_CHECKED gw_code gw_enum_build(gw_build *b, const gw_build_file *file, gw_features features,
                                 const Sluice__EnumDescriptorProto *proto, gw_enum *out);

/* What the `reserved` statements of a message or an enumeration say. */
typedef struct gw_reserved_source {
  Sluice__ReservedRange *const *ranges;
  size_t range_count;
  char *const *names;
  size_t name_count;
  bool is_open; /* a range ends before its `end` */
} gw_reserved_source;

GW_CHECKED gw_code gw_reserved_build(gw_build *b, const gw_reserved_source *source,
                                     gw_reserved *out);

/* The object of a type name with its leading dot; NULL was reported as ELEMENT RELATION "NAME",
 * where relation is "has the type" or the like. */
const gw_symbol *gw_build_resolve(gw_build *b, const gw_build_file *file, gw_str element,
                                  const char *relation, const char *type_name);

static inline gw_str gw_build_str(const char *terminated) {
  return terminated != NULL ? gw_str_of(terminated) : (gw_str){ NULL, 0 };
}
