#include "migrate/json_text.h"

#include "base/buf.h"
#include "migrate/meaning.h"

typedef struct printer {
  gw_buf *out;
  size_t most;
  bool indented;
  gw_code code;
} printer;

/* Nothing more need be printed. */
static bool printer_is_full(const printer *p) {
  return p->code != GW_OK || p->out->n > p->most;
}

static void printer_put(printer *p, gw_str text) {
  if (!printer_is_full(p)) p->code = gw_buf_append(p->out, text);
}

/* Of a long one only as much as can stand there. */
static void printer_quote(printer *p, gw_str text) {
  if (printer_is_full(p)) return;
  if (text.n > p->most + 1) { /* the byte behind it is text too */
    text.n = p->most + 1;
    while (text.n > 0 && ((unsigned char)text.p[text.n] & 0xC0) == 0x80)
      text.n--;
  }
  p->code = gw_buf_append_json_string(p->out, text);
}

static void printer_line(printer *p, uint32_t depth) {
  if (!p->indented) return;
  printer_put(p, GW_STR("\n"));
  for (uint32_t i = 0; i < depth && !printer_is_full(p); i++)
    printer_put(p, GW_STR("  "));
}

static void print_node(printer *p, const gw_json_node *node, uint32_t depth);

static void print_container(printer *p, const gw_json_node *node, uint32_t depth) {
  bool is_object = node->type == GW_JSON_OBJECT;
  printer_put(p, is_object ? GW_STR("{") : GW_STR("["));
  for (const gw_json_node *child = node->first; child != NULL && !printer_is_full(p);
       child = child->next) {
    if (child != node->first) printer_put(p, GW_STR(","));
    printer_line(p, depth + 1);
    if (is_object) {
      printer_quote(p, gw_json_key(child));
      printer_put(p, p->indented ? GW_STR(": ") : GW_STR(":"));
    }
    print_node(p, child, depth + 1);
  }
  if (node->first != NULL) printer_line(p, depth);
  printer_put(p, is_object ? GW_STR("}") : GW_STR("]"));
}

static void print_node(printer *p, const gw_json_node *node, uint32_t depth) {
  if ((node->flags & GW_NODE_REDACTED) != 0) {
    printer_put(p, GW_STR(GW_REDACTED));
    return;
  }
  switch ((gw_json_type)node->type) {
  case GW_JSON_NULL: printer_put(p, GW_STR("null")); break;
  case GW_JSON_TRUE: printer_put(p, GW_STR("true")); break;
  case GW_JSON_FALSE: printer_put(p, GW_STR("false")); break;
  case GW_JSON_NUMBER:
    printer_put(p, gw_str_first(gw_json_text(node), gw_size_min(node->n, p->most + 1)));
    break;
  case GW_JSON_STRING: printer_quote(p, gw_json_text(node)); break;
  case GW_JSON_ARRAY:
  case GW_JSON_OBJECT: print_container(p, node, depth); break;
  }
}

/* Cut to `most` bytes, between characters, with three points at its end. */
static gw_str printed(const printer *p) {
  gw_str text = gw_buf_str(p->out);
  if (p->code != GW_OK) return (gw_str){ NULL, 0 };
  if (text.n <= p->most) return text;
  size_t n = p->most - 3;
  while (n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80)
    n--;
  memcpy(p->out->p + n, "...", 3);
  return gw_str_first(text, n + 3);
}

gw_str gw_json_text_print(const gw_json_node *node, bool indented, size_t most, gw_arena *arena) {
  gw_buf out;
  printer p = { .out = &out, .most = most, .indented = indented };
  assert(most > 3);
  gw_buf_init(&out, arena, SIZE_MAX / 2);
  print_node(&p, node, 0);
  return printed(&p);
}

gw_str gw_json_text_quote(gw_str text, size_t most, gw_arena *arena) {
  gw_buf out;
  printer p = { .out = &out, .most = most };
  assert(most > 3);
  gw_buf_init(&out, arena, SIZE_MAX / 2);
  printer_quote(&p, text);
  return printed(&p);
}
