/* testee: answers protobuf's conformance runner with the codec of the gateway.
 *
 *     testee DESCRIPTOR_SET REPORT [STYLE...]
 *
 * Standard input brings 4 bytes of little-endian length and a conformance.ConformanceRequest, again
 * and again; standard output takes the same with a ConformanceResponse (conformance.proto, which
 * comes with the runner).  What begins and ends as bytes, and formats other than JSON and bytes, is
 * none of a gateway's business: skipped.  For each request REPORT gets one line: format in, format
 * out, category, message, what was answered.
 * STYLE: words for how JSON is printed, where it is not the default: gw_json_style's names. */
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "codec/json_to_wire.h"
#include "codec/wire_reader.h"
#include "codec/wire_to_json.h"
#include "schema/load.h"

#define REQUEST_BYTES_MAX GW_MIB(64)
#define SET_BYTES_MAX     GW_MIB(16)

/* Numbers of conformance.proto: the payload fields of a request, and its enumerations. */
enum { IN_PROTOBUF = 1, IN_JSON = 2, IN_JSPB = 7, IN_TEXT = 8 };
enum { REQUEST_OUTPUT = 3, REQUEST_TYPE = 4, REQUEST_CATEGORY = 5 };
enum { OUT_PROTOBUF = 1, OUT_JSON = 2 };
enum { CATEGORY_IGNORE_UNKNOWN = 3 };

static const char *const input_names[] = {
  [0] = "none",       [IN_PROTOBUF] = "protobuf", [IN_JSON] = "json",
  [IN_JSPB] = "jspb", [IN_TEXT] = "text",
};
static const char *const output_names[] = { "none", "protobuf", "json", "jspb", "text" };
static const char *const category_names[] = { "none",           "binary", "json",
                                              "ignore_unknown", "jspb",   "text" };

typedef struct request {
  uint32_t input; /* number of the payload's field */
  gw_str payload;
  uint64_t output, category;
  gw_str type;
} request;

/* Numbers of the answer's fields in ConformanceResponse. */
typedef enum answer {
  ANSWER_PARSE_ERROR = 1,
  ANSWER_RUNTIME_ERROR = 2,
  ANSWER_PROTOBUF = 3,
  ANSWER_JSON = 4,
  ANSWER_SKIPPED = 5,
  ANSWER_SERIALIZE_ERROR = 6
} answer;

static const char *const answer_names[] = { "",     "parse_error", "runtime_error",  "protobuf",
                                            "json", "skipped",     "serialize_error" };

typedef struct testee {
  gw_pool *pool;
  gw_codec_memo *memo;
  FILE *report;
  gw_json_style style;
  gw_arena arena; /* of the request at hand */
  gw_buf out;     /* its answer's content */
} testee;

static void die(const char *what) {
  fprintf(stderr, "testee: %s\n", what);
  exit(2);
}

static void check(bool good, const char *what) {
  if (!good) die(what);
}

/* ---- one request ------------------------------------------------------------------------------*/

static bool request_read(gw_str bytes, request *out) {
  const uint8_t *p = (const uint8_t *)bytes.p, *end = p + bytes.n;
  *out = (request){ .type = GW_STR_INIT("") };
  while (p < end) {
    uint32_t tag;
    uint64_t value = 0;
    gw_wire_span span = { p, p };
    p = gw_wire_tag(p, end, &tag);
    if (p == NULL) return false;
    const uint8_t *content = p;
    p = gw_wire_skip(p, end, tag);
    if (p == NULL) return false;
    if ((tag & 7) == GW_WIRE_LENGTH) gw_wire_length(content, end, &span);
    if ((tag & 7) == GW_WIRE_VARINT) gw_wire_varint(content, end, &value);
    switch (tag >> 3) {
    case IN_PROTOBUF:
    case IN_JSON:
    case IN_JSPB:
    case IN_TEXT:
      out->input = tag >> 3;
      out->payload = gw_wire_span_str(span);
      break;
    case REQUEST_OUTPUT: out->output = value; break;
    case REQUEST_TYPE: out->type = gw_wire_span_str(span); break;
    case REQUEST_CATEGORY: out->category = value; break;
    default: break;
    }
  }
  return out->output < GW_COUNT_OF(output_names) && out->category < GW_COUNT_OF(category_names);
}

/* The words of an error, with its place as the gateway shows it. */
static answer answer_error(testee *t, answer kind, const gw_err *err) {
  t->out.n = 0;
  check(gw_buf_printf(&t->out, "%u:%u %s: %s", err->line, err->column, err->where, err->text) ==
            GW_OK,
        "no memory");
  return kind;
}

static answer answer_text(testee *t, answer kind, const char *text) {
  t->out.n = 0;
  check(gw_buf_append(&t->out, gw_str_of(text)) == GW_OK, "no memory");
  return kind;
}

/* What comes after the text must not matter: it is the most tempting byte there is. */
static gw_str padded(testee *t, gw_str text) {
  char *copy = gw_arena_alloc(&t->arena, text.n + GW_JSON_PAD);
  check(copy != NULL, "no memory");
  if (text.n > 0) memcpy(copy, text.p, text.n);
  memset(copy + text.n, '}', GW_JSON_PAD);
  return (gw_str){ copy, text.n };
}

static answer convert(testee *t, const request *r, const gw_message *message) {
  gw_err err;
  gw_buf wire;
  gw_codec codec = { .pool = t->pool, .memo = t->memo, .arena = &t->arena, .style = t->style };
  codec.style.reject_unknown = r->category != CATEGORY_IGNORE_UNKNOWN;
  gw_err_init(&err);
  gw_str bytes = r->payload;
  if (r->input == IN_JSON) {
    gw_buf_init(&wire, &t->arena, GW_MESSAGE_BYTES_MAX);
    gw_code code = gw_json_to_wire(&codec, message, padded(t, r->payload), &wire, &err);
    if (code != GW_OK) return answer_error(t, ANSWER_PARSE_ERROR, &err);
    bytes = gw_buf_str(&wire);
  }
  if (r->output == OUT_PROTOBUF) {
    check(gw_buf_append(&t->out, bytes) == GW_OK, "no memory");
    return ANSWER_PROTOBUF;
  }
  gw_code code = gw_wire_to_json(&codec, message, bytes, &t->out, &err);
  return code == GW_OK ? ANSWER_JSON : answer_error(t, ANSWER_SERIALIZE_ERROR, &err);
}

static answer answer_request(testee *t, const request *r) {
  /* The runner begins by asking for the failures that are expected: an empty FailureSet. */
  if (gw_str_eq(r->type, GW_STR("conformance.FailureSet"))) return ANSWER_PROTOBUF;
  bool readable = r->input == IN_JSON || r->input == IN_PROTOBUF;
  bool writable = r->output == OUT_JSON || r->output == OUT_PROTOBUF;
  if (!readable || !writable || (r->input == IN_PROTOBUF && r->output == OUT_PROTOBUF)) {
    return answer_text(t, ANSWER_SKIPPED, "not a conversion that a gateway does");
  }
  const gw_message *message = gw_pool_find_message(t->pool, r->type);
  if (message == NULL) return answer_text(t, ANSWER_RUNTIME_ERROR, "no such message");
  return convert(t, r, message);
}

/* ---- the runner -------------------------------------------------------------------------------*/

static void respond(const testee *t, answer kind) {
  uint8_t head[32], *p = head + 4;
  size_t content = t->out.n, n = content;
  *p++ = (uint8_t)(kind << 3 | GW_WIRE_LENGTH);
  for (; n >= 0x80; n >>= 7)
    *p++ = (uint8_t)(n | 0x80);
  *p++ = (uint8_t)n;
  size_t total = (size_t)(p - head) - 4 + content;
  for (unsigned i = 0; i < 4; i++)
    head[i] = (uint8_t)(total >> 8 * i);
  fwrite(head, 1, (size_t)(p - head), stdout);
  if (content > 0) fwrite(t->out.p, 1, content, stdout);
  check(fflush(stdout) == 0, "the runner does not listen");
}

static void serve(testee *t, gw_str bytes) {
  request r;
  gw_arena_init(&t->arena, NULL, GW_ARENA_RATIO * GW_MESSAGE_BYTES_MAX);
  gw_buf_init(&t->out, NULL, GW_MIB(64));
  check(request_read(bytes, &r), "a request that cannot be read");
  answer kind = answer_request(t, &r);
  fprintf(t->report, "%s %s %s " GW_STR_FMT " %s\n", input_names[r.input], output_names[r.output],
          category_names[r.category], GW_STR_ARG(r.type), answer_names[kind]);
  respond(t, kind);
  gw_buf_done(&t->out);
  gw_arena_done(&t->arena);
}

/* False: the runner has no more requests. */
static bool request_receive(char **bytes, size_t *n) {
  uint8_t head[4];
  size_t got = fread(head, 1, sizeof head, stdin);
  if (got == 0) return false;
  check(got == sizeof head, "half a length");
  *n = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
  check(*n <= REQUEST_BYTES_MAX, "a request over the limit");
  *bytes = malloc(*n + 1);
  check(*bytes != NULL, "no memory");
  check(fread(*bytes, 1, *n, stdin) == *n, "half a request");
  return true;
}

/* ---- start ------------------------------------------------------------------------------------*/

static void report_error(void *context, const gw_err *err) {
  (void)context;
  fprintf(stderr, "%s: %s\n", err->where, err->text);
}

static void load(testee *t, const char *path) {
  char *bytes = malloc(SET_BYTES_MAX);
  FILE *file = fopen(path, "rb");
  check(bytes != NULL && file != NULL, "the descriptor set cannot be opened");
  gw_schema_source source = { gw_str_of(path), { bytes, fread(bytes, 1, SET_BYTES_MAX, file) } };
  fclose(file);
  check(gw_pool_load(&source, 1, report_error, NULL, &t->pool) == GW_OK,
        "the descriptor set is refused");
  free(bytes);
  t->memo = gw_codec_memo_new(t->pool);
  check(t->memo != NULL, "no memory");
}

static void take_style(gw_json_style *style, const char *word) {
  if (strcmp(word, "all") == 0) style->emit = GW_EMIT_ALL;
  if (strcmp(word, "nulls") == 0) style->emit = GW_EMIT_NULLS;
  if (strcmp(word, "int64_number") == 0) style->int64_number = true;
  if (strcmp(word, "proto_names") == 0) style->proto_names = true;
  if (strcmp(word, "enum_number") == 0) style->enum_number = true;
}

int main(int argc, char **argv) {
  testee t = { 0 };
  char *bytes;
  size_t n;
  check(argc >= 3, "usage: testee DESCRIPTOR_SET REPORT [STYLE...]");
  for (int i = 3; i < argc; i++)
    take_style(&t.style, argv[i]);
  load(&t, argv[1]);
  t.report = fopen(argv[2], "a");
  check(t.report != NULL, "the report cannot be written");
  /* The runner starts one testee for each of its suites, and does not wait for the first one. */
  setvbuf(t.report, NULL, _IOLBF, BUFSIZ);
  while (request_receive(&bytes, &n)) {
    serve(&t, (gw_str){ bytes, n });
    free(bytes);
  }
  gw_codec_memo_free(t.memo);
  gw_pool_free(t.pool);
  return fclose(t.report) == 0 ? 0 : 2;
}
