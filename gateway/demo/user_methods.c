#include "demo/user_methods.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "codec/utf8.h"
#include "demo/user_store.h"
#include "demo/wire.h"

#define METHODS_SHOWN_MAX 64u /* bytes of a client's text in an error message */
#define METHODS_USER_TYPE GW_STR("userservice.User")

/* ---- failing ---- */

/* A part of a client's text that may stand in a message: it is valid UTF-8 when it comes here. */
static gw_str methods_shown(gw_str text) {
  gw_str cut = gw_str_first(text, gw_size_min(text.n, METHODS_SHOWN_MAX));
  return gw_str_first(cut, gw_utf8_valid_prefix(cut));
}

static void methods_fail_nomem(gw_grpc_call *call) {
  gw_grpc_call_fail(call, GW_GRPC_RESOURCE_EXHAUSTED, GW_STR("out of memory"), GW_STR(""),
                    GW_STR(""));
}

static void methods_fail_malformed(gw_grpc_call *call) {
  gw_grpc_call_fail(call, GW_GRPC_INTERNAL, GW_STR("the request is not a valid message"),
                    GW_STR(""), GW_STR(""));
}

/* google.rpc.BadRequest { field_violations = 1: { field = 1, description = 2 } } */
static void methods_fail_field(gw_grpc_call *call, const char *field, const char *description) {
  gw_buf violation, detail;
  gw_buf_init(&violation, &call->arena, GW_KIB(1));
  gw_buf_init(&detail, &call->arena, GW_KIB(1));
  gw_str message = gw_arena_printf(&call->arena, "%s %s", field, description);
  if (message.p == NULL || gw_wire_put_bytes(&violation, 1, gw_str_of(field)) != GW_OK ||
      gw_wire_put_bytes(&violation, 2, gw_str_of(description)) != GW_OK ||
      gw_wire_put_bytes(&detail, 1, gw_buf_str(&violation)) != GW_OK) {
    methods_fail_nomem(call);
    return;
  }
  gw_grpc_call_fail(call, GW_GRPC_INVALID_ARGUMENT, message, GW_STR("google.rpc.BadRequest"),
                    gw_buf_str(&detail));
}

/* google.rpc.ResourceInfo { resource_type = 1, resource_name = 2, description = 4 } */
static void methods_fail_resource(gw_grpc_call *call, gw_grpc_code code, gw_str name,
                                  gw_str message) {
  gw_buf detail;
  gw_buf_init(&detail, &call->arena, GW_KIB(1));
  if (message.p == NULL || gw_wire_put_bytes(&detail, 1, METHODS_USER_TYPE) != GW_OK ||
      gw_wire_put_bytes(&detail, 2, name) != GW_OK ||
      gw_wire_put_bytes(&detail, 4, message) != GW_OK) {
    methods_fail_nomem(call);
    return;
  }
  gw_grpc_call_fail(call, code, message, GW_STR("google.rpc.ResourceInfo"), gw_buf_str(&detail));
}

static void methods_fail_unknown(gw_grpc_call *call, gw_str user_id) {
  gw_str shown = methods_shown(user_id);
  methods_fail_resource(
      call, GW_GRPC_NOT_FOUND, shown,
      gw_arena_printf(&call->arena, "user \"" GW_STR_FMT "\" does not exist", GW_STR_ARG(shown)));
}

/* ---- reading requests ---- */

/* A User as a client sends it; a field that is absent is empty or 0. */
typedef struct user_request {
  gw_str user_id, name, email;
  int64_t created_at;
} user_request;

/* Where field N of a message goes: text[N] or number[N]; NULL: it is skipped. */
typedef struct user_places {
  gw_str *text[5];
  int64_t *number[5];
} user_places;

/* A field that comes twice: the last one counts.  GW_BAD_VALUE: no valid message of that kind. */
static gw_code request_read(gw_str in, const user_places *places) {
  while (in.n > 0) {
    gw_wire_field field;
    gw_code code = gw_wire_next(&in, &field);
    if (code != GW_OK) return code;
    if (field.number >= GW_COUNT_OF(places->text)) continue;
    if (field.type == GW_WIRE_LENGTH && places->text[field.number] != NULL) {
      if (!gw_utf8_valid(field.bytes)) return GW_BAD_VALUE;
      *places->text[field.number] = field.bytes;
    } else if (field.type == GW_WIRE_VARINT && places->number[field.number] != NULL) {
      *places->number[field.number] = (int64_t)field.scalar;
    }
  }
  return GW_OK;
}

/* The field user of UpdateUserRequest.  A message that comes in several pieces is their merger (the
 * protobuf encoding guide): a gateway sends what it bound from the path behind the body. */
static gw_code request_read_user(gw_str in, user_request *out) {
  const user_places places = {
    .text = { [1] = &out->user_id, [2] = &out->name, [3] = &out->email },
    .number = { [4] = &out->created_at },
  };
  while (in.n > 0) {
    gw_wire_field field;
    gw_code code = gw_wire_next(&in, &field);
    if (code == GW_OK && field.number == 1 && field.type == GW_WIRE_LENGTH) {
      code = request_read(field.bytes, &places);
    }
    if (code != GW_OK) return code;
  }
  return GW_OK;
}

/* False: the call was failed. */
static bool request_read_id(gw_grpc_call *call, gw_str in, gw_str *user_id) {
  user_places places = { .text = { [1] = user_id } };
  if (request_read(in, &places) != GW_OK) {
    methods_fail_malformed(call);
    return false;
  }
  if (user_id->n == 0) methods_fail_field(call, "user_id", "must not be empty");
  return user_id->n > 0;
}

/* ---- checking values; false: the call was failed ---- */

static bool check_name(gw_grpc_call *call, gw_str name, const char *field) {
  if (name.n == 0) methods_fail_field(call, field, "must not be empty");
  if (name.n > GW_USER_TEXT_MAX) methods_fail_field(call, field, "is longer than 256 bytes");
  return name.n > 0 && name.n <= GW_USER_TEXT_MAX;
}

/* `own`: the user that may have this address already; NULL: none. */
static bool check_email(gw_grpc_call *call, gw_str email, const char *field, const gw_user *own) {
  if (email.n > GW_USER_TEXT_MAX || gw_str_find(email, '@') == email.n) {
    methods_fail_field(call, field, "must be an address of at most 256 bytes");
    return false;
  }
  gw_user *other = gw_user_store_find_email(call->service, email);
  if (other == NULL || other == own) return true;
  gw_str shown = methods_shown(email);
  methods_fail_resource(call, GW_GRPC_ALREADY_EXISTS, shown,
                        gw_arena_printf(&call->arena,
                                        "a user with the email \"" GW_STR_FMT "\" already exists",
                                        GW_STR_ARG(shown)));
  return false;
}

/* ---- answering ---- */

static gw_code answer_put_user(gw_grpc_call *call, const gw_user *user) {
  char id[24];
  int id_n = snprintf(id, sizeof id, "%" PRIu64, user->id);
  gw_code code = gw_grpc_call_answer_begin(call);
  if (code == GW_OK) code = gw_wire_put_bytes(&call->out, 1, (gw_str){ id, (size_t)id_n });
  if (code == GW_OK) code = gw_wire_put_bytes(&call->out, 2, gw_user_store_text(&user->name));
  if (code == GW_OK) code = gw_wire_put_bytes(&call->out, 3, gw_user_store_text(&user->email));
  if (code == GW_OK) code = gw_wire_put_varint(&call->out, 4, (uint64_t)user->created_at);
  if (code == GW_OK) gw_grpc_call_answer_end(call);
  return code;
}

static void answer_user(gw_grpc_call *call, const gw_user *user) {
  if (answer_put_user(call, user) != GW_OK) methods_fail_nomem(call);
}

/* ---- the methods ---- */

static void method_get_user(gw_grpc_call *call, gw_str message) {
  gw_str user_id = { NULL, 0 };
  if (!request_read_id(call, message, &user_id)) return;
  gw_user *user = gw_user_store_find(call->service, user_id);
  if (user == NULL)
    methods_fail_unknown(call, user_id);
  else
    answer_user(call, user);
}

static void method_list_users(gw_grpc_call *call, gw_str message) {
  int64_t page_size = 0;
  user_places places = { .number = { [1] = &page_size } };
  if (request_read(message, &places) != GW_OK) {
    methods_fail_malformed(call);
  } else if ((int32_t)page_size < 0) {
    methods_fail_field(call, "page_size", "must not be negative");
  } else {
    call->left = page_size == 0 ? UINT64_MAX : (uint64_t)page_size;
  }
}

/* A user that is added or removed meanwhile is seen or not, but no other one is lost or doubled. */
static void method_list_more(gw_grpc_call *call) {
  while (call->left > 0 && call->out.n < GW_GRPC_CALL_BATCH) {
    gw_user *user = gw_user_store_after(call->service, call->at);
    if (user == NULL) return;
    call->at = user->id;
    call->left--;
    if (answer_put_user(call, user) != GW_OK) {
      methods_fail_nomem(call);
      return;
    }
  }
}

static void method_create_user(gw_grpc_call *call, gw_str message) {
  gw_str name = { NULL, 0 }, email = { NULL, 0 };
  user_places places = { .text = { [1] = &name, [2] = &email } };
  if (request_read(message, &places) != GW_OK) {
    methods_fail_malformed(call);
    return;
  }
  if (!check_name(call, name, "name") || !check_email(call, email, "email", NULL)) return;
  gw_user *user = gw_user_store_add(call->service);
  if (user == NULL) {
    gw_grpc_call_fail(call, GW_GRPC_RESOURCE_EXHAUSTED, GW_STR("no room for another user"),
                      GW_STR(""), GW_STR(""));
    return;
  }
  gw_user_store_text_set(&user->name, name);
  gw_user_store_text_set(&user->email, email);
  user->created_at = (int64_t)time(NULL);
  answer_user(call, user);
}

typedef struct user_change {
  bool any, name, email, created_at;
} user_change;

/* False: a user has no such field. */
static bool change_add_path(user_change *change, gw_str path) {
  bool all = gw_str_eq(path, GW_STR("*"));
  bool name = gw_str_eq(path, GW_STR("name"));
  bool email = gw_str_eq(path, GW_STR("email"));
  bool created_at = gw_str_eq(path, GW_STR("created_at"));
  bool user_id = gw_str_eq(path, GW_STR("user_id")); /* names the user; never changes */
  change->any = true;
  change->name |= all || name;
  change->email |= all || email;
  change->created_at |= all || created_at;
  return all || name || email || created_at || user_id;
}

/* The field update_mask of UpdateUserRequest, in as many pieces as it comes:
 * google.protobuf.FieldMask { repeated string paths = 1 }.  False: the call was failed. */
static bool change_read(gw_grpc_call *call, gw_str message, user_change *change) {
  while (message.n > 0) {
    gw_wire_field mask, path;
    if (gw_wire_next(&message, &mask) != GW_OK) goto malformed;
    if (mask.number != 2 || mask.type != GW_WIRE_LENGTH) continue;
    while (mask.bytes.n > 0) {
      if (gw_wire_next(&mask.bytes, &path) != GW_OK) goto malformed;
      if (path.number != 1 || path.type != GW_WIRE_LENGTH) continue;
      if (!change_add_path(change, path.bytes)) {
        methods_fail_field(call, "update_mask", "names a field that a user does not have");
        return false;
      }
    }
  }
  return true;
malformed:
  methods_fail_malformed(call);
  return false;
}

static void user_apply(gw_user *user, const user_request *request, user_change change) {
  if (change.name) gw_user_store_text_set(&user->name, request->name);
  if (change.email) gw_user_store_text_set(&user->email, request->email);
  if (change.created_at) user->created_at = request->created_at;
}

static void method_update_user(gw_grpc_call *call, gw_str message) {
  user_request request = { 0 };
  user_change change = { 0 };
  if (request_read_user(message, &request) != GW_OK) {
    methods_fail_malformed(call);
    return;
  }
  if (!change_read(call, message, &change)) return;
  if (!change.any) {
    change =
        (user_change){ true, request.name.n > 0, request.email.n > 0, request.created_at != 0 };
  }
  if (request.user_id.n == 0) {
    methods_fail_field(call, "user.user_id", "must not be empty");
    return;
  }
  gw_user *user = gw_user_store_find(call->service, request.user_id);
  if (user == NULL) {
    methods_fail_unknown(call, request.user_id);
    return;
  }
  if (change.name && !check_name(call, request.name, "user.name")) return;
  if (change.email && !check_email(call, request.email, "user.email", user)) return;
  user_apply(user, &request, change);
  answer_user(call, user);
}

static void method_delete_user(gw_grpc_call *call, gw_str message) {
  gw_str user_id = { NULL, 0 };
  if (!request_read_id(call, message, &user_id)) return;
  gw_user *user = gw_user_store_find(call->service, user_id);
  if (user == NULL) {
    methods_fail_unknown(call, user_id);
    return;
  }
  gw_user_store_remove(call->service, user);
  if (gw_grpc_call_answer_begin(call) != GW_OK)
    methods_fail_nomem(call);
  else
    gw_grpc_call_answer_end(call); /* google.protobuf.Empty */
}

/* UserEvent { user_id = 1, type = 2 } -> UpdateResponse { success = 1, message = 2 }: each event is
 * answered at once; success says whether the user is what the event claims. */
static void method_stream_updates(gw_grpc_call *call, gw_str message) {
  static const char *const verbs[] = { "created", "updated", "deleted" };
  gw_str user_id = { NULL, 0 };
  int64_t type = 0;
  user_places places = { .text = { [1] = &user_id }, .number = { [2] = &type } };
  if (request_read(message, &places) != GW_OK) {
    methods_fail_malformed(call);
    return;
  }
  bool known = type >= 0 && type < (int64_t)GW_COUNT_OF(verbs);
  bool exists = gw_user_store_find(call->service, user_id) != NULL;
  gw_str shown = methods_shown(user_id);
  /* Not in the arena: a stream may have any number of events. */
  char text[METHODS_SHOWN_MAX + 64];
  int n =
      snprintf(text, sizeof text, "user \"" GW_STR_FMT "\" %s, %s", GW_STR_ARG(shown),
               known ? verbs[type] : "met an unknown event", exists ? "exists" : "does not exist");
  gw_code code = gw_grpc_call_answer_begin(call);
  if (code == GW_OK) code = gw_wire_put_varint(&call->out, 1, known && exists == (type != 2));
  if (code == GW_OK) code = gw_wire_put_bytes(&call->out, 2, (gw_str){ text, (size_t)n });
  if (code == GW_OK)
    gw_grpc_call_answer_end(call);
  else
    methods_fail_nomem(call);
}

#define METHOD_PATH(name) GW_STR_INIT("/userservice.UserService/" name)

static void method_unavailable(gw_grpc_call *call, gw_str message) {
  (void)message;
  gw_grpc_call_fail(call, GW_GRPC_UNAVAILABLE, GW_STR("the demo broke this service on purpose"),
                    GW_STR(""), GW_STR(""));
}

const gw_grpc_method gw_user_methods[] = {
  { .path = METHOD_PATH("GetUser"), .request = method_get_user },
  { .path = METHOD_PATH("ListUsers"), .request = method_list_users, .more = method_list_more },
  { .path = METHOD_PATH("StreamUpdates"),
    .client_streaming = true,
    .request = method_stream_updates },
  { .path = METHOD_PATH("CreateUser"), .request = method_create_user },
  { .path = METHOD_PATH("UpdateUser"), .request = method_update_user },
  { .path = METHOD_PATH("DeleteUser"), .request = method_delete_user },
};
const size_t gw_user_methods_count = GW_COUNT_OF(gw_user_methods);

const gw_grpc_method gw_user_methods_ill[GW_COUNT_OF(gw_user_methods)] = {
  { .path = METHOD_PATH("GetUser"), .request = method_unavailable },
  { .path = METHOD_PATH("ListUsers"), .request = method_unavailable },
  { .path = METHOD_PATH("StreamUpdates"), .request = method_unavailable },
  { .path = METHOD_PATH("CreateUser"), .request = method_unavailable },
  { .path = METHOD_PATH("UpdateUser"), .request = method_unavailable },
  { .path = METHOD_PATH("DeleteUser"), .request = method_unavailable },
};
