#include "net/h1_block.h"

#include "net/h1_field.h"
#include "net/h1_scan.h"

#define BLOCK_FIELDS_FIRST 16u

gw_code gw_h1_head_bad(const gw_h1_head *h, const char *what) {
  return gw_err_set(h->err, GW_BAD_REQUEST, "%s", what);
}

gw_code gw_h1_head_bad_byte(const gw_h1_head *h, const char *where) {
  return gw_err_set(h->err, GW_BAD_REQUEST, "byte 0x%02x %s", (unsigned char)h->p[h->r->at], where);
}

gw_code gw_h1_head_expect(gw_h1_head *h, char wanted, uint8_t next, const char *where) {
  if (h->r->at == h->n) return GW_AGAIN;
  if (h->p[h->r->at] != wanted) return gw_h1_head_bad_byte(h, where);
  h->r->at++;
  h->r->state = next;
  return GW_OK;
}

/* The old address is only a number. */
void gw_h1_head_follow(gw_h1_reader *reader, const char *bytes) {
  uintptr_t old = (uintptr_t)reader->base;
  if (reader->base == bytes) return;
  for (uint32_t i = 0; i < reader->field_count; i++) {
    gw_header *field = &reader->fields[i];
    field->name.p = bytes + ((uintptr_t)field->name.p - old);
    field->value.p = bytes + ((uintptr_t)field->value.p - old);
  }
  reader->base = bytes;
}

gw_code gw_h1_answer_fail(gw_h1_reader *reader, gw_code code, gw_err *err) {
  if (code != GW_NOMEM) code = GW_BAD_ANSWER;
  if (err != NULL) err->code = code;
  reader->failed = (uint8_t)code;
  return code;
}

void gw_h1_block_begin(gw_h1_reader *reader) {
  reader->line = reader->block = reader->at;
  reader->state = GW_H1_BLOCK_FIELD;
}

static gw_code block_field_too_large(const gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  if (r->at - r->line >= r->limits->header) {
    return gw_err_set(h->err, GW_HEADERS_TOO_LARGE, "a header is longer than %u bytes",
                      r->limits->header);
  }
  return gw_err_set(h->err, GW_HEADERS_TOO_LARGE, "the headers are larger than %u bytes",
                    r->limits->headers);
}

/* Where a field line must have ended: by its own limit, and so that it and its CRLF fit the
 * block's. */
static size_t block_field_edge(const gw_h1_reader *r) {
  size_t block_edge = r->block + gw_size_max(r->limits->headers, 2) - 2;
  return gw_size_min(r->line + r->limits->header, block_edge);
}

static gw_code block_field(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  if (r->at == h->n) return GW_AGAIN;
  if (h->p[r->at] == '\r') {
    r->at++;
    r->state = GW_H1_BLOCK_END_LF;
    return GW_OK;
  }
  if (r->line_count == r->limits->header_count) {
    return gw_err_set(h->err, GW_HEADERS_TOO_LARGE, "more than %u headers",
                      r->limits->header_count);
  }
  r->line_count++;
  r->mark = r->at;
  r->underscore = false;
  r->state = GW_H1_BLOCK_NAME;
  return GW_OK;
}

static gw_code block_name(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  size_t edge = block_field_edge(r);
  if (r->at >= edge) return block_field_too_large(h);
  size_t left = gw_size_min(h->n, edge) - r->at;
  r->at += r->is_answer ? h1_scan_token(h->p + r->at, left)
                        : h1_scan_name(h->p + r->at, left, &r->underscore);
  if (r->at == edge) return block_field_too_large(h);
  if (r->at == h->n) return GW_AGAIN;
  if (h->p[r->at] != ':' || r->at == r->mark) return gw_h1_head_bad_byte(h, "in a header's name");
  r->name_n = r->at - r->mark;
  r->at++;
  r->state = GW_H1_BLOCK_VALUE;
  return GW_OK;
}

static gw_code block_value(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  size_t edge = block_field_edge(r);
  r->at += h1_scan_value(h->p + r->at, gw_size_min(h->n, edge) - r->at);
  if (r->at == h->n) return GW_AGAIN;
  if (h->p[r->at] != '\r') {
    return r->at == edge ? block_field_too_large(h) : gw_h1_head_bad_byte(h, "in a header's value");
  }
  r->at++;
  r->state = GW_H1_BLOCK_VALUE_LF;
  return GW_OK;
}

/* Makes room for one more field. */
static gw_code block_grow(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  uint32_t cap = r->field_cap > 0 ? r->field_cap * 2 : BLOCK_FIELDS_FIRST;
  gw_header *grown =
      gw_arena_grow(r->arena, r->fields, r->field_cap * sizeof *grown, cap * sizeof *grown);
  if (grown == NULL) return gw_err_set(h->err, GW_NOMEM, "no memory for the headers");
  r->fields = grown;
  r->field_cap = cap;
  return GW_OK;
}

static gw_code block_value_lf(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  gw_code code = gw_h1_head_expect(h, '\n', GW_H1_BLOCK_FIELD, "after a header");
  if (code != GW_OK) return code;
  r->line = r->at;
  const char *name = h->p + r->mark, *begin = name + r->name_n + 1, *end = h->p + r->at - 2;
  while (begin < end && (*begin == ' ' || *begin == '\t'))
    begin++;
  while (begin < end && (end[-1] == ' ' || end[-1] == '\t'))
    end--;
  gw_header field = { { name, r->name_n }, gw_str_from(begin, end) };
  if (r->underscore) {
    r->underscore_count++;
    return gw_h1_field_drop(field.name, h->err);
  }
  if (r->field_count == r->field_cap && (code = block_grow(h)) != GW_OK) return code;
  r->fields[r->field_count++] = field;
  return r->is_answer ? gw_h1_field_take_answer(r, &field, h->err)
                      : gw_h1_field_take(r, h->p, &field, h->err);
}

static gw_code block_step(gw_h1_head *h) {
  switch (h->r->state) {
  case GW_H1_BLOCK_FIELD: return block_field(h);
  case GW_H1_BLOCK_NAME: return block_name(h);
  case GW_H1_BLOCK_VALUE: return block_value(h);
  case GW_H1_BLOCK_VALUE_LF: return block_value_lf(h);
  default:
    assert(h->r->state == GW_H1_BLOCK_END_LF);
    return gw_h1_head_expect(h, '\n', GW_H1_BLOCK_DONE, "after the headers");
  }
}

gw_code gw_h1_block_read(gw_h1_head *h) {
  gw_code code = GW_OK;
  while (code == GW_OK && h->r->state != GW_H1_BLOCK_DONE)
    code = block_step(h);
  return code;
}
