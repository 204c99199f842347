#include <stdlib.h>

#include "codec/wire_printer.h"

/* protoc writes the default of a bytes field as the inside of a C string. */
static size_t unescape(gw_str text, uint8_t *out) {
  static const char letters[] = "n\nr\rt\ta\ab\bf\fv\v";
  size_t n = 0;
  for (size_t i = 0; i < text.n; i++) {
    uint8_t c = (uint8_t)text.p[i];
    if (c != '\\' || i + 1 == text.n) {
      out[n++] = c;
      continue;
    }
    c = (uint8_t)text.p[++i];
    unsigned octal = 0, digits = 0;
    while (digits < 3 && i + digits < text.n && (text.p[i + digits] & ~7) == '0') {
      octal = octal * 8 + (unsigned)(text.p[i + digits++] - '0');
    }
    const char *letter = digits == 0 ? memchr(letters, c, sizeof letters - 1) : NULL;
    out[n++] = digits > 0 ? (uint8_t)octal : letter != NULL ? (uint8_t)letter[1] : c;
    i += digits > 0 ? digits - 1 : 0;
  }
  return n;
}

static char *text_default_print(gw_wire_printer *s, const gw_field *field, char *w) {
  gw_str text = field->default_value;
  if (field->kind == GW_KIND_STRING) {
    /* Not of the wire: nothing behind its own end may be read. */
    gw_wire_span span = { (const uint8_t *)text.p, (const uint8_t *)text.p + text.n };
    const uint8_t *wire_end = s->wire_end;
    s->wire_end = span.end;
    w = gw_wire_string_print(s, span, w);
    s->wire_end = wire_end;
    return w;
  }
  size_t at;
  if (!gw_wire_scratch_push(s, text.n, &at)) return NULL;
  uint8_t *bytes = (uint8_t *)s->scratch + at;
  w = gw_wire_bytes_print(s, (gw_wire_span){ bytes, bytes + unescape(text, bytes) }, w);
  s->scratch_n = at;
  return w;
}

/* The number of a scalar's default, as gw_wire_scalar reads one. */
static uint64_t scalar_default(const gw_field *field) {
  char text[64];
  uint64_t bits = 0;
  uint32_t word;
  const gw_enum *e = field->enumeration;
  gw_str written = field->default_value;
  if (written.p == NULL) {
    return e != NULL && e->value_count > 0 ? (uint64_t)(int64_t)e->values[0].number : 0;
  }
  if (e != NULL) {
    const gw_enum_value *value = gw_enum_by_name(e, written);
    return value != NULL ? (uint64_t)(int64_t)value->number : 0;
  }
  size_t n = gw_size_min(written.n, sizeof text - 1);
  if (n > 0) memcpy(text, written.p, n);
  text[n] = '\0';
  switch ((gw_kind)field->kind) {
  case GW_KIND_BOOL: return text[0] == 't' ? 1 : 0;
  case GW_KIND_DOUBLE: memcpy(&bits, &(double){ strtod(text, NULL) }, sizeof bits); return bits;
  case GW_KIND_FLOAT: memcpy(&word, &(float){ strtof(text, NULL) }, sizeof word); return word;
  case GW_KIND_UINT64:
  case GW_KIND_FIXED64: return strtoull(text, NULL, 10);
  default: return (uint64_t)strtoll(text, NULL, 10);
  }
}

char *gw_wire_default_print(gw_wire_printer *s, const gw_field *field, char *w) {
  w = gw_wire_room(s, w, 2);
  if (w == NULL) return NULL;
  if (field->map) return GW_WIRE_PUT(w, "{}");
  if (field->repeated) return GW_WIRE_PUT(w, "[]");
  if (field->kind == GW_KIND_STRING || field->kind == GW_KIND_BYTES) {
    return field->default_value.n > 0 ? text_default_print(s, field, w) : GW_WIRE_PUT(w, "\"\"");
  }
  return gw_wire_scalar_print(s, field, scalar_default(field), w);
}

char *gw_wire_unset_print(gw_wire_printer *s, const gw_field *from, const gw_field *to, char *w) {
  for (const gw_field *field = from; field < to && w != NULL; field++) {
    bool null = !field->repeated && (field->presence || field->message != NULL);
    if (field->oneof >= 0 || field->extension) continue;
    if (null && s->codec->style.emit != GW_EMIT_NULLS) continue;
    if (field->is_optional && s->codec->style.optional_omitted) continue; /* D-49 */
    w = gw_wire_key_print(s, field, w);
    if (w == NULL) return NULL;
    w = null ? GW_WIRE_PUT(w, "null") : gw_wire_default_print(s, field, w);
    if (w != NULL) *w++ = ',';
  }
  return w;
}
