#include "schema/names.h"

static bool name_is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool gw_name_is_identifier(gw_str name) {
  if (name.n == 0 || !name_is_letter(name.p[0])) return false;
  for (size_t i = 1; i < name.n; i++) {
    if (!name_is_letter(name.p[i]) && (name.p[i] < '0' || name.p[i] > '9')) return false;
  }
  return true;
}

bool gw_name_is_dotted(gw_str name) {
  if (gw_str_ends(name, GW_STR("."))) return false;
  do {
    if (!gw_name_is_identifier(gw_str_cut(&name, '.'))) return false;
  } while (name.n > 0);
  return true;
}

/* The writer of JSON strings replaces ill-formed UTF-8 by a longer sequence: the length tells. */
bool gw_name_is_json(gw_str name, gw_buf *scratch) {
  size_t backslashes = 0;
  for (size_t i = 0; i < name.n; i++) {
    unsigned char c = (unsigned char)name.p[i];
    if (c < 0x20 || c == 0x7F || c == '"') return false;
    if (c == '\\') backslashes++;
  }
  scratch->n = 0;
  return gw_buf_append_json_string(scratch, name) == GW_OK &&
         scratch->n == name.n + backslashes + 2;
}

gw_str gw_name_camel(gw_arena *arena, gw_str name) {
  char *out = gw_arena_alloc(arena, name.n);
  size_t n = 0;
  bool raise = false;
  if (out == NULL) return (gw_str){ NULL, 0 };
  for (size_t i = 0; i < name.n; i++) {
    char c = name.p[i];
    if (c == '_') {
      raise = true;
      continue;
    }
    out[n++] = raise && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    raise = false;
  }
  return (gw_str){ out, n };
}

gw_str gw_name_join(gw_arena *arena, gw_str outer, char separator, gw_str inner) {
  if (outer.n == 0) return gw_arena_copy(arena, inner);
  size_t n = outer.n + 1 + inner.n;
  char *out = gw_arena_alloc(arena, n + 1);
  if (out == NULL) return (gw_str){ NULL, 0 };
  memcpy(out, outer.p, outer.n);
  out[outer.n] = separator;
  memcpy(out + outer.n + 1, inner.p, inner.n);
  out[n] = '\0';
  return (gw_str){ out, n };
}

gw_str gw_name_quote(gw_arena *arena, gw_buf *scratch, gw_str name, const char *suffix) {
  scratch->n = 0;
  if (gw_buf_append_json_string(scratch, name) != GW_OK ||
      gw_buf_append(scratch, gw_str_of(suffix)) != GW_OK) {
    return (gw_str){ NULL, 0 };
  }
  char *out = gw_arena_zalloc(arena, scratch->n + GW_KEY_PAD);
  if (out == NULL) return (gw_str){ NULL, 0 };
  memcpy(out, scratch->p, scratch->n);
  return (gw_str){ out, scratch->n };
}

gw_name_slot *gw_name_table(gw_arena *arena, size_t count, uint32_t *mask) {
  size_t slots = 1;
  while (slots < 2 * count)
    slots *= 2;
  *mask = (uint32_t)(slots - 1);
  return gw_arena_zalloc(arena, slots * sizeof(gw_name_slot));
}
