/* h1_response_fuzz: the reader of HTTP/1.1 answers.  The first byte chooses how the rest is cut,
 * the second whether the request was HEAD; the rest is one answer and what follows it.  Read whole
 * and read in pieces it must give the same head, body and end, and a head that is accepted must
 * keep the header's promises. */
#include <stdlib.h>

#include "base/buf.h"
#include "net/h1_response.h"
#include "net/h1_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct fuzz_result {
  gw_code code;
  size_t taken;
  uint64_t hash; /* of the head's parts and the body, in order */
} fuzz_result;

typedef struct fuzz_run {
  gw_h1_reader reader;
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

static size_t fuzz_piece(fuzz_run *run) {
  size_t left = run->text.n - run->fed;
  if (run->cut == 0) return left;
  run->cut = run->cut * 1664525u + 1013904223u;
  uint32_t draw = run->cut >> 16;
  size_t n = (draw & 7) != 0 ? 1 + (draw >> 3) % 5 : 1 + (draw >> 3) % 200;
  return gw_size_min(n, left);
}

static void fuzz_check_head(fuzz_run *run, const gw_h1_response *response, gw_str head) {
  fuzz_require(gw_str_ends(head, GW_STR("\r\n\r\n")));
  fuzz_require(response->status >= 200 && response->status <= 599);
  fuzz_require(response->field_count <= GW_H1_ANSWER_HEADER_COUNT_MAX);
  fuzz_require(!response->keep_alive || response->body_kind != GW_H1_BODY_CLOSE);
  fuzz_require((response->body_kind == GW_H1_BODY_LENGTH) == (response->content_length > 0));
  bool has_none = response->status == 204 || response->status == 304 || run->reader.to_head;
  fuzz_require(!has_none || response->body_kind == GW_H1_BODY_NONE);
  for (uint32_t i = 0; i < response->field_count; i++) {
    const gw_header *field = &response->fields[i];
    fuzz_require(field->name.p >= head.p && field->value.p + field->value.n < head.p + head.n);
    fuzz_require(gw_h1_field_ok(field->name, field->value));
    fuzz_mix(run, field->name);
    fuzz_mix(run, field->value);
    fuzz_mix_number(run, gw_h1_response_connection_names(response, field->name));
  }
  fuzz_mix(run, response->reason);
  fuzz_mix_number(run, (uint64_t)response->status << 8 | (uint64_t)response->body_kind << 2 |
                           (uint64_t)response->keep_alive << 1 | response->http10);
  fuzz_mix_number(run, response->content_length);
  fuzz_mix_number(run, response->keep_alive_s);
}

static gw_code fuzz_head(fuzz_run *run) {
  gw_h1_response response;
  gw_code code = GW_AGAIN;
  char *bytes = NULL;
  size_t head_n = 0;
  while (code == GW_AGAIN && run->fed < run->text.n) {
    size_t n = run->fed, more = fuzz_piece(run);
    char *moved = malloc(n + more); /* of the exact size: the sanitizer sees what is past it */
    memcpy(moved, run->text.p, n + more);
    free(bytes);
    bytes = moved;
    run->fed += more;
    code = gw_h1_response_read(&run->reader, bytes, run->fed, &response, &head_n, NULL);
  }
  if (code == GW_OK) {
    fuzz_require(head_n <= run->fed);
    fuzz_check_head(run, &response, (gw_str){ bytes, head_n });
    run->result.taken = head_n;
  }
  free(bytes);
  return code;
}

static gw_code fuzz_body(fuzz_run *run) {
  gw_buf body;
  gw_code code;
  size_t at = run->result.taken;
  gw_buf_init(&body, NULL, SIZE_MAX / 2);
  for (;;) {
    size_t n = run->fed - at;
    char *piece = malloc(n + 1);
    gw_str in = { piece, n }, data;
    if (n > 0) memcpy(piece, run->text.p + at, n);
    do {
      code = gw_h1_body_read(&run->reader, &in, SIZE_MAX, &data, NULL);
      if (code == GW_OK || code == GW_AGAIN) {
        fuzz_require(gw_buf_append(&body, data) == GW_OK);
      }
    } while (code == GW_AGAIN && in.n > 0);
    at += n - in.n;
    free(piece);
    if (code != GW_AGAIN || run->fed == run->text.n) break;
    run->fed += fuzz_piece(run);
  }
  fuzz_mix(run, gw_buf_str(&body));
  gw_buf_done(&body);
  run->result.taken = code == GW_OK ? at : 0;
  return code;
}

static fuzz_result fuzz_read(gw_str text, bool to_head, uint32_t cut) {
  fuzz_run run = { .text = text, .cut = cut };
  gw_limits limits = gw_limits_default();
  gw_arena arena;
  limits.request_line = 64;
  limits.header = limits.headers = 400;
  limits.header_count = 10;
  gw_arena_init(&arena, NULL, GW_KIB(64));
  gw_h1_response_init(&run.reader, &limits, &arena, to_head);
  run.result.code = fuzz_head(&run);
  if (run.result.code == GW_OK) run.result.code = fuzz_body(&run);
  gw_arena_done(&arena);
  fuzz_require(run.result.code == GW_OK || run.result.code == GW_AGAIN ||
               run.result.code == GW_BAD_ANSWER);
  return run.result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  gw_str text = { (const char *)data + 2, size - 2 };
  fuzz_result whole = fuzz_read(text, data[1] & 1, 0);
  fuzz_result cut = fuzz_read(text, data[1] & 1, 1u + data[0]);
  fuzz_require(whole.code == cut.code);
  /* of a refused answer the place of the refusal does not count */
  if (whole.code == GW_BAD_ANSWER) return 0;
  fuzz_require(whole.taken == cut.taken && whole.hash == cut.hash);
  return 0;
}
