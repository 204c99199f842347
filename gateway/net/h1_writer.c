#include "net/h1_writer.h"

#include <stdio.h>
#include <time.h>

#include "net/h1_scan.h"

#define WRITER_LINE_BYTES 64u /* "HTTP/1.1 431 Request Header Fields Too Large\r\n" is 46 */
#define WRITER_LINES      16u /* status lines kept: a power of two */
#define WRITER_DATE_BYTES 37u /* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" */

typedef struct writer_line {
  int status; /* 0: none yet */
  size_t n;
  char text[WRITER_LINE_BYTES];
} writer_line;

typedef struct writer_date {
  uint64_t second;
  bool known;
  char text[WRITER_DATE_BYTES + 1];
} writer_date;

static _Thread_local writer_line writer_lines[WRITER_LINES];
static _Thread_local writer_date writer_now;

/* A status line, made when it is first needed, or when another one took its place. */
static gw_str writer_status_line(int status) {
  writer_line *line = &writer_lines[(unsigned)status % WRITER_LINES];
  if (line->status != status) {
    int n = snprintf(line->text, sizeof line->text, "HTTP/1.1 %d %s\r\n", status,
                     gw_http_reason(status));
    assert(n > 0 && (size_t)n < sizeof line->text);
    line->status = status;
    line->n = (size_t)n;
  }
  return (gw_str){ line->text, line->n };
}

/* IMF-fixdate (RFC 9110 section 5.6.7), whatever the locale. */
static gw_str writer_date_line(uint64_t wall_seconds) {
  static const char days[] = "SunMonTueWedThuFriSat";
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (!writer_now.known || writer_now.second != wall_seconds) {
    time_t seconds = (time_t)wall_seconds;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    /* the masks only tell the compiler what it cannot know: each number's digits */
    snprintf(writer_now.text, sizeof writer_now.text,
             "Date: %.3s, %02u %.3s %04u %02u:%02u:%02u GMT\r\n", days + 3 * utc.tm_wday,
             (unsigned)utc.tm_mday % 100, months + 3 * utc.tm_mon,
             (unsigned)(utc.tm_year + 1900) % 10000, (unsigned)utc.tm_hour % 100,
             (unsigned)utc.tm_min % 100, (unsigned)utc.tm_sec % 100);
    writer_now.second = wall_seconds;
    writer_now.known = true;
  }
  return (gw_str){ writer_now.text, WRITER_DATE_BYTES };
}

static void writer_put(gw_h1_writer *writer, gw_str s) {
  if (writer->code == GW_OK) writer->code = gw_buf_append(writer->out, s);
}

static char *writer_copy(char *to, gw_str s) {
  if (s.n > 0) memcpy(to, s.p, s.n);
  return to + s.n;
}

void gw_h1_write_status(gw_h1_writer *writer, gw_buf *out, int status, uint64_t wall_seconds) {
  assert(status >= 100 && status <= 599);
  gw_str line = writer_status_line(status), date = writer_date_line(wall_seconds);
  *writer = (gw_h1_writer){ .out = out, .begin = out->n };
  writer->code = gw_buf_reserve(out, line.n + date.n);
  if (writer->code != GW_OK) return;
  writer_copy(writer_copy(out->p + out->n, line), date);
  out->n += line.n + date.n;
}

void gw_h1_write_date(gw_h1_writer *writer, uint64_t wall_seconds) {
  writer_put(writer, writer_date_line(wall_seconds));
}

void gw_h1_write_status_of(gw_h1_writer *writer, gw_buf *out, int status, gw_str reason) {
  assert(status >= 100 && status <= 599);
  *writer = (gw_h1_writer){ .out = out, .begin = out->n };
  gw_str usual = gw_str_of(gw_http_reason(status));
  bool ours =
      reason.n == 0 || gw_str_eq(reason, usual) || h1_scan_value(reason.p, reason.n) < reason.n;
  if (ours) {
    writer_put(writer, writer_status_line(status));
    return;
  }
  char line[] = "HTTP/1.1 000 ";
  for (int i = 11, rest = status; i > 8; i--, rest /= 10)
    line[i] = (char)('0' + rest % 10);
  writer_put(writer, gw_str_of(line));
  writer_put(writer, reason);
  writer_put(writer, GW_STR("\r\n"));
}

void gw_h1_write_request(gw_h1_writer *writer, gw_buf *out, gw_str method, gw_str target) {
  *writer = (gw_h1_writer){ .out = out, .begin = out->n };
  bool fits = method.n > 0 && h1_scan_token(method.p, method.n) == method.n && target.n > 0 &&
              h1_scan_target(target.p, target.n) == target.n;
  if (!fits) {
    writer->code = GW_BAD_VALUE;
    return;
  }
  writer_put(writer, method);
  writer_put(writer, GW_STR(" "));
  writer_put(writer, target);
  writer_put(writer, GW_STR(" HTTP/1.1\r\n"));
}

bool gw_h1_field_ok(gw_str name, gw_str value) {
  return name.n > 0 && h1_scan_token(name.p, name.n) == name.n &&
         h1_scan_value(value.p, value.n) == value.n;
}

/* Two framings in one answer would let one client's answer end in another's. */
static bool writer_is_framing(gw_str name) {
  return gw_str_eq_nocase(name, GW_STR("content-length")) ||
         gw_str_eq_nocase(name, GW_STR("transfer-encoding"));
}

void gw_h1_write_field(gw_h1_writer *writer, gw_str name, gw_str value) {
  gw_buf *out = writer->out;
  if (writer->code != GW_OK) return;
  if (!gw_h1_field_ok(name, value) || writer_is_framing(name)) {
    writer->dropped++;
    return;
  }
  size_t n = name.n + value.n + 4; /* both were read above: no sum of such lengths overflows */
  writer->code = gw_buf_reserve(out, n);
  if (writer->code != GW_OK) return;
  char *p = writer_copy(out->p + out->n, name);
  p = writer_copy(p, GW_STR(": "));
  p = writer_copy(p, value);
  writer_copy(p, GW_STR("\r\n"));
  out->n += n;
}

void gw_h1_write_length(gw_h1_writer *writer, uint64_t content_length) {
  static const char name[16] = "Content-Length: ";
  char line[sizeof name + 20 + 2]; /* with the digits of 2^64 - 1 and CRLF */
  char *end = line + sizeof line, *p = end - 2;
  memcpy(p, "\r\n", 2);
  do {
    *--p = (char)('0' + content_length % 10);
    content_length /= 10;
  } while (content_length > 0);
  p -= sizeof name;
  memcpy(p, name, sizeof name);
  writer_put(writer, gw_str_from(p, end));
}

void gw_h1_write_chunked(gw_h1_writer *writer) {
  writer_put(writer, GW_STR("Transfer-Encoding: chunked\r\n"));
}

gw_code gw_h1_write_end(gw_h1_writer *writer) {
  writer_put(writer, GW_STR("\r\n"));
  if (writer->code != GW_OK) writer->out->n = writer->begin;
  return writer->code;
}

size_t gw_h1_chunk_prefix(size_t n, char *out) {
  static const char hex[] = "0123456789abcdef";
  size_t digits = 1;
  for (size_t rest = n >> 4; rest > 0; rest >>= 4)
    digits++;
  for (size_t i = digits; i > 0; i--, n >>= 4)
    out[i - 1] = hex[n & 15];
  out[digits] = '\r';
  out[digits + 1] = '\n';
  return digits + 2;
}
