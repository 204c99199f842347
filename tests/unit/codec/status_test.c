#include "codec/status.h"

#include "base/limits.h"
#include "unit/codec/wire_fixture.h"
#include "unit/golden.h"

typedef struct status_run {
  gw_status status;
  gw_error_form form;
  gw_json_style style;
  size_t out_max;
} status_run;

static gw_code status_print(const status_run *run, gw_buf *out) {
  gw_arena arena;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_codec codec = {
    .pool = wire_fixture_pool(), .memo = wire_fixture_memo(), .arena = &arena, .style = run->style
  };
  gw_buf_init(out, NULL, run->out_max);
  gw_code code = gw_status_print(&codec, &run->status, run->form, out);
  gw_arena_done(&arena);
  return code;
}

static void free_str(gw_str s) {
  free((void *)(uintptr_t)s.p);
}

/* code, message (both one line), form, details.hex, where, pointer, text, origin, style ->
 * output.json.  What has an origin is not of a JSON text. */
static void golden_run(golden_case *c, void *context) {
  (void)context;
  gw_str code = golden_read(c, "code", true), message = golden_read(c, "message", false);
  gw_str form = golden_read(c, "form", false), hex = golden_read(c, "details.hex", false);
  gw_str where = golden_read(c, "where", false), text = golden_read(c, "text", false);
  gw_str pointer = golden_read(c, "pointer", false);
  gw_str origin = golden_read(c, "origin", false), style = golden_read(c, "style", false);
  gw_str details = { NULL, 0 };
  gw_err err;
  gw_buf out;
  gw_err_init(&err);
  if (hex.p != NULL) details = wire_fixture_bytes(hex);
  if (text.p != NULL) {
    gw_err_at(&err, GW_BAD_VALUE, gw_str_trim(where, "\n"), GW_STR_FMT,
              GW_STR_ARG(gw_str_trim(text, "\n")));
    if (origin.p == NULL) gw_err_position(&err, 1, 7);
    if (origin.p != NULL) gw_err_origin(&err, "query parameter");
    gw_err_pointer(&err, gw_str_trim(pointer, "\n"));
  }
  uint64_t parsed = 0;
  CHECK(gw_str_parse_u64(gw_str_trim(code, "\n"), &parsed));
  unsigned number = (unsigned)parsed;
  status_run run = { .status = { .grpc_code = number,
                                 .http_status = gw_grpc_code_http(number),
                                 .message = gw_str_trim(message, "\n"),
                                 .details = details,
                                 .violation = text.p != NULL ? &err : NULL },
                     .form = form.p != NULL ? GW_ERRORS_PROBLEM : GW_ERRORS_GOOGLE,
                     .style = wire_fixture_style(style.p),
                     .out_max = GW_MIB(1) };
  CHECK_INT(status_print(&run, &out), GW_OK);
  golden_check(c, "output.json", gw_buf_str(&out));
  gw_buf_done(&out);
  gw_str all[] = { code, message, form, hex, where, pointer, text, origin, style, details };
  for (size_t i = 0; i < GW_COUNT_OF(all); i++) {
    free_str(all[i]);
  }
}

TEST(status, golden) {
  golden_each("status", golden_run, NULL);
}

static const char details_hex[] =
    "08 05 12 03 'msg' "
    "1a 32 0a 2a 'type.googleapis.com/google.rpc.RequestInfo' 12 04 0a 02 'id' "
    "1a 12 0a 09 'x/unknown' 12 05 01 02 03 04 05";

static gw_code status_each_alloc(void *context) {
  gw_buf out;
  gw_code code = status_print(context, &out);
  if (code != GW_OK) CHECK_INT(out.n, 0);
  gw_buf_done(&out);
  return code;
}

TEST(status, limit_and_each_failed_alloc) {
  gw_str details = wire_fixture_bytes(gw_str_of(details_hex));
  status_run run = { .status = { .grpc_code = 5, .http_status = 404, .details = details },
                     .out_max = GW_MIB(1) };
  gw_buf out;
  CHECK_INT(status_print(&run, &out), GW_OK);
  size_t n = out.n;
  gw_buf_done(&out);
  test_fail_each_alloc(status_each_alloc, &run);
  run.out_max = n;
  CHECK_INT(status_each_alloc(&run), GW_OK);
  for (run.out_max = 0; run.out_max < n; run.out_max++) {
    CHECK_INT(status_each_alloc(&run), GW_TOO_LARGE);
  }
  free_str(details);
}

/* Whatever the header holds, the answer has a code, a message and details. */
TEST(status, survives_details_cut_anywhere) {
  gw_str details = wire_fixture_bytes(gw_str_of(details_hex));
  for (size_t n = 0; n < details.n; n++) {
    char *cut = malloc(n + 1);
    memcpy(cut, details.p, n);
    status_run run = { .status = { .grpc_code = 5, .http_status = 404, .details = { cut, n } },
                       .out_max = GW_MIB(1) };
    gw_buf out;
    CHECK_INT(status_print(&run, &out), GW_OK);
    CHECK(gw_str_starts(gw_buf_str(&out), GW_STR("{\"code\":5,\"message\":\"")));
    CHECK(gw_str_ends(gw_buf_str(&out), GW_STR("]}")));
    gw_buf_done(&out);
    free(cut);
  }
  free_str(details);
}

TEST(status, message_is_percent_decoded) {
  static const struct {
    const char *encoded, *text;
  } rows[] = {
    { "", "" },
    { "plain", "plain" },
    { "a%20b", "a b" },
    { "%41%5a%5A", "AZZ" },
    { "%e6%97%a5", "\xE6\x97\xA5" },
    { "100%", "100%" },
    { "%2", "%2" },
    { "%zz%4", "%zz%4" },
    { "%%41", "%A" },
    { "%2541", "%41" },
    { "%0a", "\n" },
  };
  gw_arena arena;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    CHECK_STR(gw_status_message_decode(&arena, gw_str_of(rows[i].encoded)), rows[i].text);
  }
  CHECK_INT(gw_status_message_decode(&arena, GW_STR("a%00b")).n, 3);
  gw_arena_done(&arena);
  gw_arena_init(&arena, NULL, 0);
  CHECK(gw_status_message_decode(&arena, GW_STR("x")).p == NULL);
  gw_arena_done(&arena);
}

TEST(status, details_are_base64) {
  gw_arena arena;
  gw_str out = { NULL, 0 };
  gw_arena_init(&arena, NULL, GW_MIB(1));
  CHECK(gw_status_details_decode(&arena, GW_STR("CAUSAW0="), &out));
  CHECK_STR(out, "\x08\x05\x12\x01m");
  CHECK(gw_status_details_decode(&arena, GW_STR("CAUSAW0"), &out));
  CHECK_STR(out, "\x08\x05\x12\x01m");
  CHECK(gw_status_details_decode(&arena, GW_STR(""), &out));
  CHECK_INT(out.n, 0);
  CHECK(!gw_status_details_decode(&arena, GW_STR("C!"), &out));
  CHECK(!gw_status_details_decode(&arena, GW_STR("C"), &out));
  gw_arena_done(&arena);
}
