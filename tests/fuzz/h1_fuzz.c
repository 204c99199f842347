/* h1_fuzz: the HTTP/1.1 request reader.  The first byte chooses how the rest is cut, the second
 * which limits hold; the rest is one connection's bytes.  Read whole and read in pieces it must
 * give the same requests, bodies and final answer, and whatever is accepted must keep the header's
 * promises. */
#include <stdlib.h>

#include "base/buf.h"
#include "net/h1.h"

#define FUZZ_REQUESTS_MAX 64
#define FUZZ_BODY_MAX     2000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What one way of reading found. */
typedef struct fuzz_result {
  gw_code code; /* of the last request */
  unsigned requests;
  size_t taken;
  uint64_t hash; /* of every part of every request, in order */
} fuzz_result;

typedef struct fuzz_run {
  gw_limits limits;
  gw_str text;
  size_t fed;   /* bytes of `text` given so far */
  uint32_t cut; /* 0: whole; else the state of the generator of piece sizes */
  fuzz_result result;
} fuzz_run;

static void fuzz_require(bool condition) {
  if (!condition) abort();
}

static void fuzz_mix(fuzz_run *run, gw_str s) {
  run->result.hash = gw_str_hash(s, run->result.hash + 1);
}

static void fuzz_mix_number(fuzz_run *run, uint64_t number) {
  fuzz_mix(run, (gw_str){ (const char *)&number, sizeof number });
}

/* How many bytes more are given now. */
static size_t fuzz_piece(fuzz_run *run) {
  size_t left = run->text.n - run->fed;
  if (run->cut == 0) return left;
  run->cut = run->cut * 1664525u + 1013904223u;
  uint32_t draw = run->cut >> 16;
  size_t n = (draw & 7) != 0 ? 1 + (draw >> 3) % 5 : 1 + (draw >> 3) % 200;
  return gw_size_min(n, left);
}

static void fuzz_check_request(const gw_h1_request *request, const char *bytes, size_t head_n,
                               const gw_limits *limits) {
  gw_str head = { bytes, head_n };
  fuzz_require(gw_str_ends(head, GW_STR("\r\n\r\n")));
  fuzz_require(request->method.n > 0 && request->target.n > 0);
  fuzz_require(request->target.p[0] == '/' || gw_str_eq(request->target, GW_STR("*")));
  fuzz_require(request->http10 || request->host.n > 0);
  fuzz_require(request->field_count + request->underscore_count <= limits->header_count);
  for (uint32_t i = 0; i < request->field_count; i++) {
    gw_header field = request->fields[i];
    fuzz_require(field.name.n > 0 && field.name.p > bytes &&
                 field.value.p + field.value.n < bytes + head_n);
    for (size_t j = 0; j < field.name.n; j++)
      fuzz_require(field.name.p[j] > ' ' && gw_char_lower(field.name.p[j]) == field.name.p[j]);
    for (size_t j = 0; j < field.value.n; j++)
      fuzz_require((unsigned char)field.value.p[j] >= ' ' || field.value.p[j] == '\t');
    fuzz_require(gw_str_eq(field.value, gw_str_trim(field.value, " \t")));
  }
  bool coding = gw_h1_field_get(request, GW_STR("transfer-encoding")).p != NULL;
  bool length = gw_h1_field_get(request, GW_STR("content-length")).p != NULL;
  fuzz_require(!coding || !length);
  fuzz_require(coding == (request->body_kind == GW_H1_BODY_CHUNKED));
  fuzz_require(length == (request->body_kind == GW_H1_BODY_LENGTH) || request->content_length == 0);
}

static void fuzz_note_request(fuzz_run *run, const gw_h1_request *request, size_t head_n) {
  fuzz_mix(run, request->method);
  fuzz_mix(run, request->target);
  fuzz_mix(run, request->host);
  fuzz_mix_number(run, request->content_length);
  fuzz_mix_number(run, head_n);
  fuzz_mix_number(run, (uint64_t)request->body_kind << 3 | (uint64_t)request->http10 << 2 |
                           (uint64_t)request->keep_alive << 1 | request->expect_continue);
  fuzz_mix_number(run, request->underscore_count);
  for (uint32_t i = 0; i < request->field_count; i++) {
    fuzz_mix(run, request->fields[i].name);
    fuzz_mix(run, request->fields[i].value);
    fuzz_mix_number(run, gw_h1_connection_names(request, request->fields[i].name));
  }
}

/* Reads a head that begins at `begin`; *bytes gets its memory. */
static gw_code fuzz_head(fuzz_run *run, gw_h1_reader *reader, size_t begin, char **bytes,
                         size_t *head_n) {
  gw_h1_request request;
  gw_code code = GW_AGAIN;
  size_t n = run->fed - begin;
  *bytes = malloc(n);
  if (n > 0) memcpy(*bytes, run->text.p + begin, n);
  for (;;) {
    if (n > 0) code = gw_h1_head_read(reader, *bytes, n, &request, head_n, NULL);
    if (code != GW_AGAIN || run->fed == run->text.n) break;
    size_t more = fuzz_piece(run);
    char *moved = malloc(n + more); /* of the exact size: the sanitizer sees what is past it */
    if (n > 0) memcpy(moved, *bytes, n);
    memcpy(moved + n, run->text.p + run->fed, more);
    free(*bytes);
    *bytes = moved;
    n += more;
    run->fed += more;
  }
  if (code != GW_OK) return code;
  fuzz_require(*head_n <= n);
  fuzz_check_request(&request, *bytes, *head_n, &run->limits);
  fuzz_note_request(run, &request, *head_n);
  return GW_OK;
}

/* Reads a body whose first byte is at *at, and moves *at behind it. */
static gw_code fuzz_body(fuzz_run *run, gw_h1_reader *reader, size_t *at) {
  gw_buf body;
  gw_code code;
  gw_buf_init(&body, NULL, FUZZ_BODY_MAX);
  for (;;) {
    size_t n = run->fed - *at;
    char *piece = malloc(n + 1);
    gw_str in = { piece, n }, data;
    if (n > 0) memcpy(piece, run->text.p + *at, n);
    do {
      code = gw_h1_body_read(reader, &in, FUZZ_BODY_MAX, &data, NULL);
      if (code == GW_OK || code == GW_AGAIN) {
        fuzz_require(gw_buf_append(&body, data) == GW_OK);
      }
    } while (code == GW_AGAIN && in.n > 0);
    *at += n - in.n;
    free(piece);
    if (code != GW_AGAIN || run->fed == run->text.n) break;
    run->fed += fuzz_piece(run);
  }
  fuzz_mix(run, gw_buf_str(&body));
  gw_buf_done(&body);
  return code;
}

static fuzz_result fuzz_read(const gw_limits *limits, gw_str text, uint32_t cut) {
  fuzz_run run = { .limits = *limits, .text = text, .cut = cut };
  size_t at = 0;
  gw_code code = GW_OK;
  while (code == GW_OK && at < text.n && run.result.requests < FUZZ_REQUESTS_MAX) {
    gw_arena arena;
    gw_h1_reader reader;
    char *bytes;
    size_t head_n = 0;
    gw_arena_init(&arena, NULL, GW_KIB(64));
    gw_h1_reader_init(&reader, &run.limits, &arena);
    code = fuzz_head(&run, &reader, at, &bytes, &head_n);
    if (code == GW_OK) {
      run.result.requests++;
      at += head_n;
      code = fuzz_body(&run, &reader, &at);
    }
    free(bytes);
    gw_arena_done(&arena);
  }
  run.result.code = code;
  /* of a refused request the place of the refusal does not count */
  run.result.taken = code == GW_OK ? at : 0;
  return run.result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  gw_limits limits = gw_limits_default();
  if (data[1] & 1) limits.request_line = 16u + (data[1] >> 3);
  if (data[1] & 2) limits.header = 8u + (data[1] >> 3);
  if (data[1] & 4) limits.headers = 24u + (data[1] >> 3);
  if (data[1] & 8) limits.header_count = 1u + (data[1] >> 5);
  gw_str text = { (const char *)data + 2, size - 2 };
  fuzz_result whole = fuzz_read(&limits, text, 0);
  fuzz_result cut = fuzz_read(&limits, text, 1u + data[0]);
  fuzz_require(whole.code == cut.code && whole.requests == cut.requests);
  fuzz_require(whole.taken == cut.taken && whole.hash == cut.hash);
  return 0;
}
