/* json_to_wire over tests/golden/json_to_wire: message (full name), input.json (its final newline
 * does not count), options ("reject": unknown fields are errors), and output (hexadecimal, "empty"
 * for no bytes) or error ("LINE:COLUMN where: text", the JSON pointer, the code's name). */
#include "unit/codec/json_fixture.h"
#include "unit/golden.h"

static gw_str trimmed(gw_str text) {
  if (text.n > 0 && text.p[text.n - 1] == '\n') text.n--;
  return text;
}

static void release(gw_str text) {
  free((void *)(uintptr_t)text.p);
}

/* Hexadecimal in lines of 96, as the files have it. */
static gw_str printed_wire(const gw_buf *wire) {
  size_t n = 0;
  gw_str hex = json_fixture_hex(gw_buf_str(wire));
  char *lines = malloc(hex.n + hex.n / 96 + 8);
  CHECK(lines != NULL);
  if (hex.n == 0) n = (size_t)snprintf(lines, 8, "empty");
  for (size_t i = 0; i < hex.n; i++) {
    if (i > 0 && i % 96 == 0) lines[n++] = '\n';
    lines[n++] = hex.p[i];
  }
  release(hex);
  return (gw_str){ lines, n };
}

static gw_str printed_error(const json_result *result) {
  size_t cap = sizeof result->err + 64;
  char *line = malloc(cap);
  CHECK(line != NULL);
  int n = snprintf(line, cap, "%u:%u %s: %s\n\"%s\"\n%s", result->err.line, result->err.column,
                   result->err.where, result->err.text, result->err.pointer,
                   gw_code_name(result->code));
  return (gw_str){ line, (size_t)n };
}

static bool same_result(const json_result *a, const json_result *b) {
  if (a->code != b->code || a->unknown_count != b->unknown_count) return false;
  if (a->code == GW_OK) return gw_str_eq(gw_buf_str(&a->wire), gw_buf_str(&b->wire));
  return a->err.line == b->err.line && a->err.column == b->err.column &&
         strcmp(a->err.where, b->err.where) == 0 && strcmp(a->err.pointer, b->err.pointer) == 0 &&
         strcmp(a->err.text, b->err.text) == 0;
}

/* What stands behind the text must not matter, nor what was converted before. */
static const char pads[] = { '\0', ' ', '"', '\\', '0', ',', '}', ']', 'e', '\x80', '\xff', '\n' };

static void check_pads(golden_case *c, const gw_message *message, gw_str json, gw_json_style style,
                       gw_codec_memo *memo) {
  json_result first = json_fixture_convert(message, json, style, memo, 'x');
  for (size_t i = 0; i < sizeof pads; i++) {
    json_result other = json_fixture_convert(message, json, style, memo, pads[i]);
    if (!same_result(&first, &other)) {
      print_error("%s: differs with 0x%02x behind %zu bytes: \"%s\" and \"%s\"\n", c->path,
                  (unsigned char)pads[i], json.n, first.err.text, other.err.text);
      c->failed = true;
    }
    json_result_done(&other);
  }
  json_result_done(&first);
}

/* No part of an object or array is a text of its own. */
static void check_prefixes(golden_case *c, const gw_message *message, gw_str json,
                           gw_json_style style, gw_codec_memo *memo) {
  json = gw_str_trim(json, " \n\r\t");
  if (json.n == 0 || json.n > 4000 || (json.p[0] != '{' && json.p[0] != '[')) return;
  for (size_t n = 0; n < json.n; n++) {
    json_result part = json_fixture_convert(message, gw_str_first(json, n), style, memo, json.p[n]);
    if (part.code == GW_OK || part.err.line == 0) {
      print_error("%s: its first %zu bytes are accepted\n", c->path, n);
      c->failed = true;
    }
    json_result_done(&part);
    if (n < 200) check_pads(c, message, gw_str_first(json, n), style, memo);
  }
}

static void run_case(golden_case *c, void *context) {
  gw_codec_memo *warm = context, *cold = gw_codec_memo_new(json_fixture_pool());
  gw_str name = golden_read(c, "message", true), text = golden_read(c, "input.json", true);
  gw_str json = trimmed(text);
  const gw_message *message = gw_pool_find_message(json_fixture_pool(), trimmed(name));
  if (message == NULL) fail_msg("%s: no such message", c->path);
  gw_json_style style = { .reject_unknown = golden_has(c, "options") };
  json_result result = json_fixture_convert(message, json, style, cold, '\0');
  json_result again = json_fixture_convert(message, json, style, warm, '\0');
  bool good = result.code == GW_OK;
  gw_str got = good ? printed_wire(&result.wire) : printed_error(&result);
  golden_check(c, good ? "output" : "error", got);
  golden_check(c, good ? "error" : "output", (gw_str){ NULL, 0 });
  if (!same_result(&result, &again)) {
    print_error("%s: differs after other conversions\n", c->path);
    c->failed = true;
  }
  check_pads(c, message, json, style, warm);
  if (good) check_prefixes(c, message, json, style, warm);
  json_result_done(&result);
  json_result_done(&again);
  gw_codec_memo_free(cold);
  release(got);
  release(name);
  release(text);
}

TEST(json_to_wire, golden_cases) {
  gw_codec_memo *memo = gw_codec_memo_new(json_fixture_pool());
  golden_each("json_to_wire", run_case, memo);
  gw_codec_memo_free(memo);
}
