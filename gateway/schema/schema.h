/* schema: what FileDescriptorSets say, as flat immutable tables that codec, route and control read.
 * A gw_pool owns everything; all pointers below live as long as it.  Built once (schema/load.h),
 * then only read: any thread.  Nothing in here is a guess that learns: those belong to the worker
 * (codec/codec.h), since in a shared table they would be a data race.
 * Sources: google/protobuf/descriptor.proto, google/api/http.proto, the ProtoJSON guide. */
#pragma once

#include "base/code.h"
#include "base/str.h"

typedef struct gw_pool gw_pool;
typedef struct gw_message gw_message;
typedef struct gw_enum gw_enum;
typedef struct gw_rpc gw_rpc;
typedef struct gw_service gw_service;

/* FieldDescriptorProto.Type, same numbers.  DELIMITED fields of editions are GROUP. */
typedef enum gw_kind {
  GW_KIND_DOUBLE = 1,
  GW_KIND_FLOAT = 2,
  GW_KIND_INT64 = 3,
  GW_KIND_UINT64 = 4,
  GW_KIND_INT32 = 5,
  GW_KIND_FIXED64 = 6,
  GW_KIND_FIXED32 = 7,
  GW_KIND_BOOL = 8,
  GW_KIND_STRING = 9,
  GW_KIND_GROUP = 10,
  GW_KIND_MESSAGE = 11,
  GW_KIND_BYTES = 12,
  GW_KIND_UINT32 = 13,
  GW_KIND_ENUM = 14,
  GW_KIND_SFIXED32 = 15,
  GW_KIND_SFIXED64 = 16,
  GW_KIND_SINT32 = 17,
  GW_KIND_SINT64 = 18,
  GW_KIND_COUNT = 19
} gw_kind;

/* Messages whose JSON is not an object of their fields, by full name; and what needs the same way
 * off the common path. */
typedef enum gw_wkt {
  GW_WKT_NONE = 0,
  GW_WKT_ANY,
  GW_WKT_TIMESTAMP,
  GW_WKT_DURATION,
  GW_WKT_FIELD_MASK,
  GW_WKT_STRUCT,
  GW_WKT_VALUE,
  GW_WKT_LIST_VALUE,
  GW_WKT_WRAPPER,     /* DoubleValue ... BytesValue: the bare value of field 1 */
  GW_WKT_MESSAGE_SET, /* an object in JSON; each extension is an item on the wire: gw_field.item */
  GW_WKT_EMPTY,
  GW_WKT_HTTP_BODY /* google.api.HttpBody: an object in JSON, raw bytes as a whole body */
} gw_wkt;

/* Wire types (protobuf encoding guide). */
enum {
  GW_WIRE_VARINT = 0,
  GW_WIRE_FIXED64 = 1,
  GW_WIRE_LENGTH = 2,
  GW_WIRE_GROUP = 3,
  GW_WIRE_END_GROUP = 4,
  GW_WIRE_FIXED32 = 5
};

#define GW_KEY_PAD 16 /* readable bytes behind a ready key */

/* A JSON key ready to copy and compare: `"name":` without the comma, GW_KEY_PAD zero bytes behind.
 */
typedef struct gw_key {
  const char *p;
  uint32_t n;
} gw_key;

typedef struct gw_field {
  gw_key key_json;  /* `"pageSize":`; for extensions `"[pkg.ext]":` */
  gw_key key_proto; /* `"page_size":` */
  uint8_t tag[8];   /* of one element; 1 to 5 bytes, the rest zero */
  uint8_t tag_n;
  uint8_t packed_tag[8]; /* wire type 2; tag_n long too */
  uint8_t kind;          /* gw_kind */
  uint8_t wire_type;     /* of one element */
  bool repeated;         /* lists and maps */
  bool map;              /* message->fields[0] is the key, [1] the value */
  bool packed;           /* how lists are written; both forms are read */
  bool presence;         /* explicit: a value equal to the default is still set */
  bool required;         /* proto2 */
  bool check_utf8;       /* strings: editions' utf8_validation VERIFY, proto3 always */
  bool extension;
  bool item; /* of a message set: GROUP, and `tag` goes on to the length: group 1, type_id (2) with
                `number`, message (3) */
  bool redact;      /* option debug_redact */
  bool is_optional; /* proto3's keyword: a oneof of its own in the descriptor */
  uint32_t number;
  uint32_t index; /* in parent->fields */
  uint32_t id;    /* dense in the pool: 0 .. gw_pool_field_count() - 1 */
  int32_t oneof;  /* in the parent, real ones only; -1: none */
  gw_str name;    /* proto name; for extensions the full name */
  gw_str json_name;
  gw_str default_value;      /* proto2 text form as in descriptor.proto; p == NULL: none */
  const gw_message *message; /* MESSAGE, GROUP */
  const gw_enum *enumeration;
  const gw_message *parent;
} gw_field;

/* One hash for both names of a field.  hash: gw_str_hash(name, 0).  Linear probing. */
typedef struct gw_name_slot {
  uint32_t hash;  /* low 32 bits */
  uint32_t index; /* of the field or enum value + 1; 0: free */
} gw_name_slot;

typedef struct gw_range {
  int32_t first, last;
} gw_range;

/* Numbers and names that are not to be used again; both ascending. */
typedef struct gw_reserved {
  const gw_range *ranges;
  const gw_str *names;
  uint32_t range_count, name_count;
} gw_reserved;

struct gw_message {
  gw_str full_name; /* "pkg.Outer.Inner" */
  gw_wkt wkt;
  uint32_t id; /* dense in the pool */
  bool map_entry;
  bool has_required;      /* a field of its own is required */
  const gw_field *fields; /* ascending numbers, extensions among them */
  uint32_t field_count;
  const uint16_t *dense; /* number -> index + 1 for numbers < 256; 0: none */
  const gw_name_slot *names;
  uint32_t names_mask;
  uint32_t oneof_count; /* real oneofs */
  const gw_str *oneofs;
  gw_reserved reserved;
};

typedef struct gw_enum_value {
  gw_str name;
  gw_str quoted; /* `"NAME"` ready to copy, GW_KEY_PAD readable bytes behind */
  int32_t number;
} gw_enum_value;

struct gw_enum {
  gw_str full_name;
  bool closed;                 /* proto2, editions' enum_type CLOSED */
  bool null_value;             /* google.protobuf.NullValue */
  const gw_enum_value *values; /* in order of declaration, aliases too */
  uint32_t value_count;
  const uint32_t *by_number; /* value_count entries: indices into values, ascending numbers; the
                                first declared of equal ones comes first */
  const uint16_t *dense;     /* number -> index + 1, 0: none; for numbers < dense_count, which is 0
                                for a null_value */
  uint32_t dense_count;
  const gw_name_slot *names;
  uint32_t names_mask;
  gw_reserved reserved;
};

/* A field path from a message downwards; count 0: the message itself. */
typedef struct gw_field_path {
  const gw_field *const *fields;
  uint32_t count;
} gw_field_path;

/* google.api.HttpRule, flat: additional bindings follow their main rule in gw_rpc.rules. */
typedef struct gw_http_rule {
  gw_str method;        /* "GET" ...; custom kinds as written; "*": any */
  gw_str path;          /* as written, unchecked; "" (and no method) when the rule has no pattern */
  gw_str body;          /* "", "*" or a field path */
  gw_str response_body; /* "" or a field path */
} gw_http_rule;

typedef enum gw_idempotency {
  GW_IDEMPOTENCY_UNKNOWN = 0,
  GW_NO_SIDE_EFFECTS = 1,
  GW_IDEMPOTENT = 2
} gw_idempotency;

struct gw_rpc {
  gw_str name;      /* "GetUser" */
  gw_str full_name; /* "userservice.UserService/GetUser" */
  gw_str path;      /* "/userservice.UserService/GetUser" */
  const gw_service *service;
  const gw_message *input, *output;
  bool client_streaming, server_streaming;
  gw_idempotency idempotency;
  const gw_http_rule *rules;
  uint32_t rule_count;
};

static inline bool gw_rpc_is_stream(const gw_rpc *rpc) {
  return rpc->client_streaming || rpc->server_streaming;
}

struct gw_service {
  gw_str full_name;
  const gw_rpc *rpcs;
  uint32_t rpc_count;
};

/* All may return NULL. */
const gw_message *gw_pool_find_message(const gw_pool *pool, gw_str full_name);
const gw_enum *gw_pool_find_enum(const gw_pool *pool, gw_str full_name);
const gw_service *gw_pool_find_service(const gw_pool *pool, gw_str full_name);
/* "package.Service/Method"; also with a leading slash. */
const gw_rpc *gw_pool_find_rpc(const gw_pool *pool, gw_str full_name);
const gw_field *gw_pool_find_extension(const gw_pool *pool, gw_str full_name);

uint32_t gw_pool_message_count(const gw_pool *pool);
uint32_t gw_pool_field_count(const gw_pool *pool);
/* Only those of the operator's own sets, not of the built-in one; by name, ascending. */
uint32_t gw_pool_service_count(const gw_pool *pool);
const gw_service *gw_pool_service(const gw_pool *pool, uint32_t i);

const gw_field *gw_message_field_by_number_slow(const gw_message *message, uint32_t number);
/* JSON names first, then proto names (TRANSCODING D-20). */
const gw_field *gw_message_field_by_name(const gw_message *message, gw_str name);
const gw_enum_value *gw_enum_by_number(const gw_enum *enumeration, int32_t number);
const gw_enum_value *gw_enum_by_name(const gw_enum *enumeration, gw_str name);

bool gw_reserved_has_number(const gw_reserved *reserved, int32_t number);
bool gw_reserved_has_name(const gw_reserved *reserved, gw_str name);

/* The near misses of a user's spelling; NULL when none is near. */
const gw_str *gw_message_nearest_field(const gw_message *message, gw_str name);

/* "int32", "string", "pkg.Message", "pkg.Enum": what a user knows the field's type by. */
gw_str gw_field_type_name(const gw_field *field);

/* Its JSON is not an object of its fields. */
static inline bool gw_message_has_own_json(const gw_message *message) {
  return message->wkt >= GW_WKT_ANY && message->wkt <= GW_WKT_WRAPPER;
}

static inline const gw_field *gw_message_field_by_number(const gw_message *message,
                                                         uint32_t number) {
  if (GW_LIKELY(number < 256)) {
    uint32_t slot = message->dense[number];
    return slot != 0 ? &message->fields[slot - 1] : NULL;
  }
  return gw_message_field_by_number_slow(message, number);
}
