#include "route/field_path.h"

#include "route/bind.h"

#define NEAREST_MAX 256u /* fields looked through for a near name */

uint32_t gw_field_path_common(gw_field_path a, gw_field_path b) {
  uint32_t i = 0;
  while (i < a.count && i < b.count && a.fields[i] == b.fields[i])
    i++;
  return i;
}

const gw_field *gw_field_path_oneof_rival(gw_field_path a, gw_field_path b) {
  uint32_t i = gw_field_path_common(a, b);
  if (i == a.count || i == b.count) return NULL;
  bool rivals = a.fields[i]->oneof >= 0 && a.fields[i]->oneof == b.fields[i]->oneof;
  return rivals ? b.fields[i] : NULL;
}

/* ---- writing ---- */

static size_t varint_size(size_t value) {
  size_t n = 1;
  while (value >= 0x80) {
    value >>= 7;
    n++;
  }
  return n;
}

static char *varint_put(char *out, size_t value) {
  for (; value >= 0x80; value >>= 7)
    *out++ = (char)(value | 0x80);
  *out++ = (char)value;
  return out;
}

static char *tag_put(char *out, const gw_field *field) {
  memcpy(out, field->tag, field->tag_n);
  return out + field->tag_n;
}

gw_code gw_field_path_wrap(const gw_field *const *fields, uint32_t count, gw_buf *out,
                           size_t start) {
  size_t lengths[GW_FIELD_PATH_MAX], content = out->n - start, total = content, before = 0;
  assert(count <= GW_FIELD_PATH_MAX && start <= out->n);
  if (count == 0) return GW_OK;
  for (uint32_t i = count; i-- > 0;) {
    bool group = fields[i]->kind == GW_KIND_GROUP;
    size_t head = fields[i]->tag_n + (group ? 0 : varint_size(total));
    lengths[i] = total;
    before += head;
    total += head + (group ? fields[i]->tag_n : 0);
  }
  gw_code code = gw_buf_reserve(out, total - content);
  if (code != GW_OK) return code;
  char *p = out->p + start;
  memmove(p + before, p, content);
  for (uint32_t i = 0; i < count; i++) {
    p = tag_put(p, fields[i]);
    if (fields[i]->kind != GW_KIND_GROUP) p = varint_put(p, lengths[i]);
  }
  p += content;
  for (uint32_t i = count; i-- > 0;) {
    if (fields[i]->kind != GW_KIND_GROUP) continue;
    char *end_tag = p; /* the group's tag with wire type 4 instead of 3 */
    p = tag_put(p, fields[i]);
    *end_tag = (char)(*end_tag + (GW_WIRE_END_GROUP - GW_WIRE_GROUP));
  }
  out->n = start + total;
  return GW_OK;
}

/* ---- reading ---- */

static gw_code field_path_unknown(gw_err *err, gw_str path, const gw_message *message, gw_str name,
                                  const gw_str *near) {
  if (near == NULL) {
    return gw_err_at(err, GW_BAD_VALUE, path, GW_STR_FMT " has no field \"" GW_STR_FMT "\"",
                     GW_STR_ARG(message->full_name), GW_STR_ARG(name));
  }
  return gw_err_at(err, GW_BAD_VALUE, path,
                   GW_STR_FMT " has no field \"" GW_STR_FMT "\"; the nearest is \"" GW_STR_FMT "\"",
                   GW_STR_ARG(message->full_name), GW_STR_ARG(name), GW_STR_ARG(*near));
}

gw_code gw_field_path_unknown(gw_err *err, gw_str path, const gw_message *message, gw_str name) {
  return field_path_unknown(err, path, message, name, gw_message_nearest_field(message, name));
}

gw_code gw_field_path_in_body(gw_err *err, gw_str path, const gw_field *rival) {
  return gw_err_at(err, GW_BAD_VALUE, path,
                   "the body sets \"" GW_STR_FMT "\", which is another member of the same oneof",
                   GW_STR_ARG(rival->name));
}

/* The nearest proto name; for a JSON name its own field's. */
static gw_code field_path_unknown_proto(gw_err *err, gw_str path, const gw_message *message,
                                        gw_str name) {
  const gw_field *field = gw_message_field_by_name(message, name);
  if (field != NULL) return field_path_unknown(err, path, message, name, &field->name);
  const gw_str *best = NULL;
  size_t count = gw_size_min(message->field_count, NEAREST_MAX);
  for (size_t i = 0; i < count; i++) {
    gw_str pair[2] = { best != NULL ? *best : (gw_str){ NULL, 0 }, message->fields[i].name };
    if (gw_str_nearest(name, pair, 2) == &pair[1]) best = &message->fields[i].name;
  }
  return field_path_unknown(err, path, message, name, best);
}

const gw_field *gw_field_path_find(const gw_message *message, gw_str name, bool proto_only) {
  for (uint32_t i = 0; i < message->field_count; i++) {
    if (gw_str_eq(message->fields[i].name, name)) return &message->fields[i];
  }
  return proto_only ? NULL : gw_message_field_by_name(message, name);
}

static gw_code field_path_parse(gw_str text, const gw_message *message, bool proto_only,
                                gw_arena *arena, gw_field_path *out, gw_err *err) {
  const gw_field *fields[GW_FIELD_PATH_MAX], *field = NULL;
  uint32_t count = 0;
  gw_str rest = text;
  do {
    bool last = gw_str_find(rest, '.') == rest.n;
    gw_str name = gw_str_cut(&rest, '.');
    if (count == GW_FIELD_PATH_MAX) {
      return gw_err_at(err, GW_BAD_VALUE, text, "this field path is over %d fields deep",
                       GW_FIELD_PATH_MAX);
    }
    if (field != NULL && (field->repeated || field->message == NULL)) {
      gw_str type = field->map        ? GW_STR("a map")
                    : field->repeated ? GW_STR("repeated")
                                      : gw_field_type_name(field);
      return gw_err_at(
          err, GW_BAD_VALUE, text,
          "\"" GW_STR_FMT "\" of " GW_STR_FMT " is " GW_STR_FMT ": no path goes through it",
          GW_STR_ARG(field->name), GW_STR_ARG(field->parent->full_name), GW_STR_ARG(type));
    }
    if (field != NULL) message = field->message;
    field = gw_field_path_find(message, name, proto_only);
    if (field == NULL && proto_only) return field_path_unknown_proto(err, text, message, name);
    if (field == NULL) return gw_field_path_unknown(err, text, message, name);
    fields[count++] = field;
    if (last) break;
  } while (true);
  const gw_field **copy = gw_arena_alloc(arena, count * sizeof copy[0]);
  if (copy == NULL) return gw_err_set(err, GW_NOMEM, "out of memory");
  memcpy(copy, fields, count * sizeof copy[0]);
  *out = (gw_field_path){ .fields = copy, .count = count };
  return GW_OK;
}

gw_code gw_field_path_parse(gw_str text, const gw_message *message, gw_arena *arena,
                            gw_field_path *out, gw_err *err) {
  return field_path_parse(text, message, false, arena, out, err);
}

gw_code gw_field_path_parse_template(gw_str text, const gw_message *message, gw_arena *arena,
                                     gw_field_path *out, gw_err *err) {
  return field_path_parse(text, message, true, arena, out, err);
}
