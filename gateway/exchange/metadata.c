#include "exchange/metadata.h"

#include "codec/base64.h"
#include "exchange/forwarded.h"
#include "route/headers.h"

static gw_str list_find(const gw_str *list, size_t count, gw_str name) {
  for (size_t i = 0; i < count; i++) {
    if (gw_str_eq(list[i], name)) return list[i];
  }
  return (gw_str){ NULL, 0 };
}

static bool list_has(const gw_str *list, size_t count, gw_str name) {
  return list_find(list, count, name).n > 0;
}

static bool value_is_base64(gw_str value) {
  for (size_t i = 0; i < value.n; i++) {
    char c = value.p[i], lower = gw_char_lower(c);
    bool digit = c >= '0' && c <= '9', letter = lower >= 'a' && lower <= 'z';
    if (!digit && !letter && c != '+' && c != '/' && c != '=' && c != ',') return false;
  }
  return true;
}

/* Eight bytes of 0x20 to 0x7e: one that is over has its highest bit set, or gets it by adding one;
 * one that is under loses it when 0x20 is taken away. */
static bool word_is_printable(const char *p) {
  const uint64_t ones = 0x0101010101010101u, high = ones << 7;
  uint64_t word;
  memcpy(&word, p, sizeof word);
  uint64_t over = word | ((word & ~high) + ones), under = ~((word | high) - 0x20 * ones);
  return ((over | under) & high) == 0;
}

static bool value_is_printable(gw_str value) {
  if (value.n >= 8) {
    for (size_t i = 0; i < value.n - 8; i += 8) {
      if (!word_is_printable(value.p + i)) return false;
    }
    return word_is_printable(value.p + value.n - 8);
  }
  for (size_t i = 0; i < value.n; i++) {
    if (value.p[i] < 0x20 || value.p[i] > 0x7e) return false;
  }
  return true;
}

/* PROTOCOL-HTTP2.md: ASCII-Value is printable ASCII; Binary-Header is base64. */
bool gw_metadata_fits(gw_str name, gw_str value) {
  return value_is_printable(value) &&
         (!gw_str_ends(name, GW_STR("-bin")) || value_is_base64(value));
}

typedef struct metadata_list {
  gw_arena *arena;
  gw_header *fields;
  uint32_t count, capacity, dropped;
  gw_code code;
} metadata_list;

/* One header may become several fields. */
static GW_COLD bool list_grow(metadata_list *list) {
  size_t capacity = gw_size_min(2 * (size_t)list->capacity, GW_CALL_METADATA_MAX - 1);
  if (capacity == list->capacity) return false;
  gw_header *fields = gw_arena_alloc(list->arena, (capacity + 1) * sizeof fields[0]);
  if (fields == NULL) {
    list->code = GW_NOMEM;
    return false;
  }
  memcpy(fields, list->fields, list->count * sizeof fields[0]);
  list->fields = fields;
  list->capacity = (uint32_t)capacity;
  return true;
}

/* Takes `value` as it is: it must live as long as the list. */
static void list_put(metadata_list *list, gw_str name, gw_str value) {
  if (value.p == NULL) {
    list->code = GW_NOMEM;
  } else if (list->count < list->capacity || list_grow(list)) {
    list->fields[list->count++] = (gw_header){ name, value };
  } else {
    list->dropped++;
  }
}

/* Written anew: servers take neither a list of values in one field nor base64 that is not exact,
 * and some of them then end the connection, with the calls of others on it. */
static GW_COLD void list_add_binary(metadata_list *list, gw_str name, gw_str value) {
  bool is_empty = value.n == 0;
  while (list->code == GW_OK && (value.n > 0 || is_empty)) {
    gw_str text = gw_str_trim(gw_str_cut(&value, ','), " \t");
    size_t n = 0;
    char *bytes = gw_arena_alloc(list->arena, GW_BASE64_DECODED_MAX(text.n));
    char *made = gw_arena_alloc(list->arena, GW_BASE64_ENCODED_MAX(text.n) + 4);
    if (bytes == NULL || made == NULL) {
      list->code = GW_NOMEM;
    } else if (!gw_base64_decode(text, bytes, &n)) {
      list->dropped++;
    } else if (text.n > 0 || is_empty) {
      n = gw_base64_encode((gw_str){ bytes, n }, made);
      while (n > 0 && made[n - 1] == '=')
        n--;
      list_put(list, name, (gw_str){ made, n });
    }
    is_empty = false;
  }
}

/* `name` lives long enough (a literal or the snapshot's); the value is copied. */
static void list_add(metadata_list *list, gw_str name, gw_str value) {
  if (list->code != GW_OK) return;
  if (gw_str_ends(name, GW_STR("-bin"))) {
    list_add_binary(list, name, value);
  } else if (value_is_printable(value)) {
    list_put(list, name, gw_arena_copy(list->arena, value));
  } else {
    list->dropped++;
  }
}

static bool name_is_forwarded(gw_str name) {
  return gw_forwarded_has(name) || gw_str_eq(name, GW_STR("x-forwarded-user-agent"));
}

/* IANA's permanent field names that grpc-gateway passes on behind a prefix. */
static GW_COLD bool name_is_permanent(gw_str name) {
  static const gw_str names[] = {
    GW_STR_INIT("accept"),
    GW_STR_INIT("accept-charset"),
    GW_STR_INIT("accept-language"),
    GW_STR_INIT("accept-ranges"),
    GW_STR_INIT("authorization"),
    GW_STR_INIT("cache-control"),
    GW_STR_INIT("content-type"),
    GW_STR_INIT("cookie"),
    GW_STR_INIT("date"),
    GW_STR_INIT("expect"),
    GW_STR_INIT("from"),

    GW_STR_INIT("if-match"),
    GW_STR_INIT("if-modified-since"),
    GW_STR_INIT("if-none-match"),
    GW_STR_INIT("if-schedule-tag-match"),
    GW_STR_INIT("if-unmodified-since"),
    GW_STR_INIT("max-forwards"),
    GW_STR_INIT("origin"),
    GW_STR_INIT("pragma"),
    GW_STR_INIT("referer"),
    GW_STR_INIT("user-agent"),
    GW_STR_INIT("via"),
    GW_STR_INIT("warning"),
  };
  return list_has(names, GW_COUNT_OF(names), name);
}

/* What the gateway itself says of where a request comes from: nobody else may. */
static bool name_is_own(gw_str name) {
  return name_is_forwarded(name) || gw_str_eq(name, GW_STR("traceparent"));
}

/* PROTOCOL-HTTP2.md, Header-Name: a header's name may hold more. */
static GW_COLD bool name_is_metadata(gw_str name) {
  for (size_t i = 0; i < name.n; i++) {
    char c = name.p[i];
    bool letter = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
    if (!letter && !digit && c != '-' && c != '_' && c != '.') return false;
  }
  return name.n > 0;
}

/* The names besides the lists, in arena; n == 0: it does not travel so. */
static GW_COLD gw_str request_name_of_peer(const gw_route *route, gw_str name,
                                           metadata_list *list) {
  static const gw_str metadata = GW_STR_INIT("grpc-metadata-");
  gw_str none = { NULL, 0 }, made = none;
  if (route->compat.header_names == GW_NAMES_SAME) {
    if (gw_headers_reserved(name) || name_is_own(name) || !name_is_metadata(name)) return none;
    made = gw_arena_copy(list->arena, name);
  } else if (gw_str_starts(name, metadata)) {
    gw_str rest = gw_str_skip(name, metadata.n);
    if (gw_headers_reserved(rest) || name_is_own(rest) || !name_is_metadata(rest)) return none;
    made = gw_arena_copy(list->arena, rest);
  } else if (name_is_permanent(name)) {
    made = gw_arena_printf(list->arena, "grpcgateway-" GW_STR_FMT, GW_STR_ARG(name));
  } else {
    return none;
  }
  if (made.p == NULL) list->code = GW_NOMEM;
  return made;
}

/* The name under which a header travels, or n == 0. */
static gw_str request_name(const gw_route *route, gw_str name) {
  bool prefixed = route->compat.header_names == GW_NAMES_PREFIXED;
  if (GW_UNLIKELY(prefixed) && !gw_str_eq(name, GW_STR("authorization")) && name_is_permanent(name))
    return list_find(route->headers_request, route->headers_request_count, name);
  if (gw_str_eq(name, GW_STR("user-agent"))) return GW_STR("x-forwarded-user-agent");
  gw_str usual = gw_headers_request_default(name);
  if (usual.n > 0) return usual;
  gw_str listed = list_find(route->headers_request, route->headers_request_count, name);
  return listed.n > 0 && !gw_headers_reserved(name) ? listed : (gw_str){ NULL, 0 };
}

static void list_add_forwarded(metadata_list *list, const gw_h1_request *request, gw_str peer) {
  gw_forwarded forwarded;
  list->code = gw_forwarded_of(request, peer, list->arena, &forwarded);
  for (size_t i = 0; i < GW_FORWARDED_COUNT && list->code == GW_OK; i++) {
    gw_header field = forwarded.fields[i];
    if (forwarded.is_own[i]) {
      list_put(list, field.name, field.value);
    } else {
      list_add(list, field.name, field.value);
    }
  }
}

gw_code gw_metadata_of_request(const gw_h1_request *request, const gw_route *route, gw_str peer,
                               gw_arena *arena, gw_header **out, uint32_t *count,
                               uint32_t *dropped) {
  metadata_list list = { .arena = arena };
  /* grpc-gateway sends authorization under two names, others under one. */
  bool listed = route->compat.header_names == GW_NAMES_LISTED;
  uint32_t names = request->field_count * (listed ? 1u : 2u);
  list.capacity = (uint32_t)gw_size_min(names + GW_FORWARDED_COUNT, GW_CALL_METADATA_MAX - 1);
  list.fields = gw_arena_alloc(arena, (list.capacity + 1u) * sizeof list.fields[0]);
  if (list.fields == NULL) return GW_NOMEM;
  list_add_forwarded(&list, request, peer);
  for (uint32_t i = 0; i < request->field_count; i++) {
    gw_str name = request->fields[i].name;
    if (name_is_forwarded(name) || gw_h1_connection_names(request, name)) continue;
    gw_str usual = request_name(route, name);
    if (usual.n > 0) list_add(&list, usual, request->fields[i].value);
    if (GW_LIKELY(route->compat.header_names == GW_NAMES_LISTED)) continue;
    bool same = route->compat.header_names == GW_NAMES_SAME && usual.n > 0;
    gw_str peers = same ? (gw_str){ NULL, 0 } : request_name_of_peer(route, name, &list);
    if (peers.n > 0) list_add(&list, peers, request->fields[i].value);
  }
  *out = list.fields;
  *count = list.count;
  *dropped = list.dropped;
  return list.code;
}

static bool answer_takes(const gw_route *route, gw_str name) {
  if (gw_headers_answer_default(name)) return true;
  if (gw_headers_reserved(name)) return false;
  return route->headers_response_all || route->compat.header_names == GW_NAMES_SAME ||
         list_has(route->headers_response, route->headers_response_count, name);
}

uint32_t gw_metadata_of_answer(const gw_h2_fields *fields, const gw_route *route, gw_header *out,
                               uint32_t max) {
  uint32_t count = 0;
  for (uint32_t i = 0; fields != NULL && i < fields->count && count < max; i++) {
    const gw_header *field = &fields->items[i];
    if (answer_takes(route, field->name) && gw_metadata_fits(field->name, field->value)) {
      out[count++] = *field;
    }
  }
  return count;
}

GW_COLD uint32_t gw_metadata_prefixed(const gw_h2_fields *fields, const gw_route *route,
                                      gw_str prefix, gw_arena *arena, gw_header *out,
                                      uint32_t max) {
  uint32_t count = 0;
  for (uint32_t i = 0; fields != NULL && i < fields->count && count < max; i++) {
    const gw_header *field = &fields->items[i];
    if (gw_headers_reserved(field->name) || !gw_metadata_fits(field->name, field->value)) continue;
    out[count] = *field;
    bool listed = route->headers_response_all ||
                  list_has(route->headers_response, route->headers_response_count, field->name);
    if (!listed && prefix.n == 0) continue;
    if (!listed)
      out[count].name = gw_arena_printf(arena, GW_STR_FMT GW_STR_FMT, GW_STR_ARG(prefix),
                                        GW_STR_ARG(field->name));
    if (out[count].name.p != NULL) count++;
  }
  return count;
}

GW_COLD bool gw_metadata_wants_trailers(const gw_h1_request *request) {
  gw_str te = gw_h1_field_get(request, GW_STR("te"));
  while (te.n > 0) {
    if (gw_str_eq_nocase(gw_str_trim(gw_str_cut(&te, ','), " \t"), GW_STR("trailers"))) return true;
  }
  return false;
}

int gw_metadata_http_code(const gw_h2_fields *fields, bool *bad) {
  uint64_t code;
  gw_str text =
      fields != NULL ? gw_h2_field_get(fields, GW_STR("x-http-code")) : (gw_str){ NULL, 0 };
  if (text.p == NULL) return 0;
  if (gw_str_parse_u64(text, &code) && code >= 200 && code <= 599) return (int)code;
  *bad = true;
  return 0;
}
