#include "control/json_place.h"

/* Positions are offsets into the text; text.n is its end, where everything stops. */

static size_t place_skip_space(gw_str text, size_t at) {
  while (at < text.n && strchr(" \t\r\n,:", text.p[at]) != NULL && text.p[at] != '\0')
    at++;
  return at;
}

/* From the opening quote to behind the closing one. */
static size_t place_skip_string(gw_str text, size_t at) {
  for (at++; at < text.n && text.p[at] != '"'; at++) {
    if (text.p[at] == '\\') at++;
  }
  return at < text.n ? at + 1 : text.n;
}

/* Behind the value that begins here, however deep it is. */
static size_t place_skip_value(gw_str text, size_t at) {
  size_t depth = 0;
  do {
    char c = at < text.n ? text.p[at] : '\0';
    if (c == '"') {
      at = place_skip_string(text, at);
    } else if (c == '{' || c == '[') {
      depth++;
      at++;
    } else if (c == '}' || c == ']') {
      if (depth > 0) depth--;
      at++;
    } else {
      at++;
      while (depth == 0 && at < text.n && strchr(",]}\r\n\t ", text.p[at]) == NULL)
        at++;
    }
  } while (depth > 0 && at < text.n);
  return at;
}

/* True: *at is the member's value, or the element. */
static bool place_step(gw_str text, size_t *at, const gw_json_step *step) {
  bool is_object = step->key.n > 0;
  size_t here = *at;
  if (here >= text.n || text.p[here] != (is_object ? '{' : '[')) return false;
  here = place_skip_space(text, here + 1);
  for (size_t i = 0; here < text.n && text.p[here] != '}' && text.p[here] != ']'; i++) {
    gw_str key = { NULL, 0 };
    if (is_object) {
      size_t end = place_skip_string(text, here);
      if (end >= here + 2) key = (gw_str){ text.p + here + 1, end - here - 2 };
      here = place_skip_space(text, end);
    }
    if (is_object ? gw_str_eq(key, step->key) : i == step->index) {
      *at = here;
      return true;
    }
    here = place_skip_space(text, place_skip_value(text, here));
  }
  return false;
}

void gw_json_place_find(gw_str text, const gw_json_step *steps, size_t count, uint32_t *line,
                        uint32_t *column) {
  size_t at = place_skip_space(text, 0);
  for (size_t i = 0; i < count; i++) {
    if (!place_step(text, &at, &steps[i])) break;
  }
  *line = *column = 1;
  for (size_t i = 0; i < at && i < text.n; i++) {
    if (text.p[i] == '\n') {
      (*line)++;
      *column = 1;
    } else if (((unsigned char)text.p[i] & 0xC0u) != 0x80u) {
      (*column)++;
    }
  }
}
