/* Escapes that protobuf C++ writes so that JSON may stand in HTML and JavaScript (TRANSCODING
 * D-51):
 * "<", ">" and characters that nobody sees. */
#include "codec/utf8.h"
#include "codec/wire_printer.h"

typedef struct html_range {
  uint32_t first, last;
} html_range;

static const html_range html_ranges[] = {
  { '<', '<' },         { '>', '>' },       { 0x7f, 0x9f },       { 0xad, 0xad },
  { 0x600, 0x603 },     { 0x6dd, 0x6dd },   { 0x70f, 0x70f },     { 0x17b4, 0x17b5 },
  { 0x200b, 0x200f },   { 0x2028, 0x202e }, { 0x2060, 0x2064 },   { 0x206a, 0x206f },
  { 0xfeff, 0xfeff },   { 0xfff9, 0xfffb }, { 0x1d173, 0x1d17a }, { 0xe0001, 0xe0001 },
  { 0xe0020, 0xe007f },
};

static bool html_is_escaped(uint32_t c) {
  for (size_t i = 0; i < GW_COUNT_OF(html_ranges) && c >= html_ranges[i].first; i++) {
    if (c <= html_ranges[i].last) return true;
  }
  return false;
}

/* The character at *p, which is well-formed UTF-8; *p: behind it. */
static uint32_t html_next(const uint8_t **p) {
  uint8_t lead = *(*p)++;
  if (lead < 0x80) return lead;
  uint32_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  uint32_t c = lead & (0x3fu >> more);
  while (more-- > 0)
    c = c << 6 | (*(*p)++ & 0x3f);
  return c;
}

static gw_code html_unit(gw_buf *out, uint32_t unit) {
  return gw_buf_printf(out, "\\u%04x", unit);
}

gw_code gw_wire_html_escape(gw_arena *arena, gw_buf *out, size_t begin) {
  gw_str text = gw_str_skip(gw_buf_str(out), begin);
  const uint8_t *p = (const uint8_t *)text.p, *end = p + text.n, *copied = p;
  gw_buf escaped;
  gw_code code = GW_OK;
  gw_buf_init(&escaped, arena, out->max - begin);
  while (p < end && code == GW_OK) {
    const uint8_t *at = p;
    uint32_t c = html_next(&p);
    if (!html_is_escaped(c)) continue;
    code = gw_buf_append(&escaped, gw_str_from((const char *)copied, (const char *)at));
    copied = p;
    if (code == GW_OK && c > 0xffff) code = html_unit(&escaped, 0xd7c0 + (c >> 10));
    if (code == GW_OK) code = html_unit(&escaped, c > 0xffff ? 0xdc00 | (c & 0x3ff) : c);
  }
  if (code != GW_OK || copied == (const uint8_t *)text.p) return code;
  code = gw_buf_append(&escaped, gw_str_from((const char *)copied, (const char *)end));
  if (code != GW_OK) return code;
  out->n = begin;
  return gw_buf_append(out, gw_buf_str(&escaped));
}
