#include "net/h1_response.h"

#include "net/h1_block.h"
#include "net/h1_field.h"
#include "net/h1_scan.h"

#define RESPONSE_CODE_DIGITS 3u

/* As in h1_head.c; the first one is also where a head behind an interim one begins. */
enum { RESPONSE_VERSION, RESPONSE_CODE, RESPONSE_SPACE, RESPONSE_REASON, RESPONSE_LF };

_Static_assert((int)RESPONSE_LF < (int)GW_H1_BLOCK_FIELD, "the block's states come behind");

void gw_h1_response_init(gw_h1_reader *reader, const gw_limits *limits, gw_arena *arena,
                         bool to_head) {
  gw_h1_reader_init(reader, limits, arena);
  reader->is_answer = true;
  reader->to_head = to_head;
}

/* "HTTP/1.1 " or "HTTP/1.0 ". */
static gw_code response_version(gw_h1_head *h) {
  static const char form[] = "HTTP/1.x ";
  gw_h1_reader *r = h->r;
  while (r->at - r->line < sizeof form - 1) {
    if (r->at == h->n) return GW_AGAIN;
    char wanted = form[r->at - r->line], c = h->p[r->at];
    if (wanted == 'x' ? c != '0' && c != '1' : c != wanted) {
      return gw_h1_head_bad_byte(h, "in the answer's HTTP version");
    }
    if (wanted == 'x') r->http10 = c == '0';
    r->at++;
  }
  r->mark = r->at;
  r->status = 0;
  r->state = RESPONSE_CODE;
  return GW_OK;
}

static gw_code response_code(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  while (r->at - r->mark < RESPONSE_CODE_DIGITS) {
    if (r->at == h->n) return GW_AGAIN;
    char c = h->p[r->at];
    bool first = r->at == r->mark;
    if (c < (first ? '1' : '0') || c > (first ? '5' : '9')) {
      return gw_h1_head_bad_byte(h, "in the answer's status");
    }
    r->status = (uint16_t)(r->status * 10 + (c - '0'));
    r->at++;
  }
  r->state = RESPONSE_SPACE;
  return GW_OK;
}

static gw_code response_space(gw_h1_head *h) {
  gw_code code = gw_h1_head_expect(h, ' ', RESPONSE_REASON, "behind the answer's status");
  h->r->reason_at = h->r->at;
  return code;
}

static gw_code response_reason(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  size_t edge = r->line + r->limits->request_line;
  r->at += h1_scan_value(h->p + r->at, gw_size_min(h->n, edge) - r->at);
  if (r->at == edge) return gw_h1_head_bad(h, "the answer's status line is too long");
  if (r->at == h->n) return GW_AGAIN;
  r->reason_n = r->at - r->reason_at;
  return gw_h1_head_expect(h, '\r', RESPONSE_LF, "in the answer's reason");
}

static gw_code response_lf(gw_h1_head *h) {
  gw_code code = gw_h1_head_expect(h, '\n', GW_H1_BLOCK_FIELD, "after the status line");
  if (code == GW_OK) gw_h1_block_begin(h->r);
  return code;
}

static gw_code response_step(gw_h1_head *h) {
  switch (h->r->state) {
  case RESPONSE_VERSION: return response_version(h);
  case RESPONSE_CODE: return response_code(h);
  case RESPONSE_SPACE: return response_space(h);
  case RESPONSE_REASON: return response_reason(h);
  default: assert(h->r->state == RESPONSE_LF); return response_lf(h);
  }
}

/* What follows an interim head is a head again. */
static gw_code response_skip_informational(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  if (r->has_coding || r->has_length) {
    return gw_h1_head_bad(h, "an interim answer announces a body");
  }
  if (r->status == 101) return gw_h1_head_bad(h, "the server switches protocols unasked");
  if (++r->informational_count > GW_H1_INFORMATIONAL_MAX) {
    return gw_h1_head_bad(h, "too many interim answers");
  }
  r->line = r->at;
  r->line_count = r->field_count = r->connection_count = r->keep_alive_s = 0;
  r->wants_close = r->wants_keep_alive = false;
  r->state = RESPONSE_VERSION;
  return GW_OK;
}

/* RFC 9112 section 6.3. */
static gw_code response_end(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  bool announces = r->has_coding || (r->has_length && r->content_length > 0);
  if (r->status == 204 && announces) return gw_h1_head_bad(h, "204 announces a body");
  if (r->to_head || r->status == 204 || r->status == 304) {
    r->body_kind = GW_H1_BODY_NONE;
  } else if (r->has_coding) {
    r->body_kind = GW_H1_BODY_CHUNKED;
  } else if (r->has_length) {
    r->body_kind = r->content_length > 0 ? GW_H1_BODY_LENGTH : GW_H1_BODY_NONE;
  } else {
    r->body_kind = GW_H1_BODY_CLOSE;
  }
  r->left = r->body_kind == GW_H1_BODY_LENGTH ? r->content_length : 0;
  return GW_OK;
}

static gw_code response_head(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  gw_code code;
  do {
    code = GW_OK;
    while (code == GW_OK && r->state < GW_H1_BLOCK_FIELD)
      code = response_step(h);
    if (code == GW_OK) code = gw_h1_block_read(h);
    if (code == GW_OK && r->status < 200) code = response_skip_informational(h);
  } while (code == GW_OK && r->state != GW_H1_BLOCK_DONE);
  return code == GW_OK ? response_end(h) : code;
}

static gw_h1_response response_of(const gw_h1_reader *r, const char *bytes) {
  bool stays = !r->wants_close && (!r->http10 || r->wants_keep_alive);
  return (gw_h1_response){
    .status = r->status,
    .reason = { bytes + r->reason_at, r->reason_n },
    .http10 = r->http10,
    .keep_alive = stays && r->body_kind != GW_H1_BODY_CLOSE,
    .has_length = r->has_length,
    .told_length = r->content_length,
    .keep_alive_s = r->keep_alive_s,
    .body_kind = (gw_h1_body_kind)r->body_kind,
    .content_length = r->left,
    .fields = r->fields,
    .field_count = r->field_count,
    .connection_count = r->connection_count,
  };
}

gw_code gw_h1_response_read(gw_h1_reader *reader, char *bytes, size_t n, gw_h1_response *out,
                            size_t *head_n, gw_err *err) {
  assert(reader->is_answer && reader->state != GW_H1_BLOCK_DONE && reader->at <= n);
  if (reader->failed != GW_OK) return (gw_code)reader->failed;
  gw_h1_head_follow(reader, bytes);
  gw_h1_head h = { reader, bytes, n, err };
  gw_code code = response_head(&h);
  if (code == GW_AGAIN) return code;
  if (code != GW_OK) return gw_h1_answer_fail(reader, code, err);
  *out = response_of(reader, bytes);
  *head_n = reader->at;
  return GW_OK;
}

void gw_h1_response_move(gw_h1_reader *reader, gw_h1_response *response, const char *bytes) {
  gw_h1_head_follow(reader, bytes);
  response->reason.p = bytes + reader->reason_at;
}

gw_str gw_h1_response_field(const gw_h1_response *response, gw_str name) {
  for (uint32_t i = 0; i < response->field_count; i++) {
    if (gw_str_eq_nocase(response->fields[i].name, name)) return response->fields[i].value;
  }
  return (gw_str){ NULL, 0 };
}

bool gw_h1_response_connection_names(const gw_h1_response *response, gw_str name) {
  return gw_h1_fields_name(response->fields, response->field_count, response->connection_count,
                           name);
}
