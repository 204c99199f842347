#include "exchange/compress.h"

#include "net/gzip.h"
#include "net/loop.h"

/* ---- messages ---- */

gw_code gw_compress_message(gw_exchange *exchange, gw_arena *arena, gw_buf *out, size_t start) {
  gw_gzip *gzip = gw_loop_gzip(exchange->engine->loop);
  gw_str message = gw_buf_tail(out, start + GW_GRPC_PREFIX_BYTES);
  gw_buf packed;
  if (message.n < GW_GZIP_MESSAGE_BYTES_MIN) return GW_OK;
  if (gzip == NULL) return GW_NOMEM;
  gw_buf_init(&packed, arena, message.n - 1);
  gw_code code = gw_gzip_deflate(gzip, message, &packed);
  if (code == GW_TOO_LARGE) return GW_OK;
  if (code != GW_OK) return code;
  char *frame = out->p + start;
  memcpy(frame + GW_GRPC_PREFIX_BYTES, packed.p, packed.n);
  gw_grpc_prefix_write((uint8_t *)frame, (uint32_t)packed.n);
  frame[0] = 1;
  out->n = start + GW_GRPC_PREFIX_BYTES + packed.n;
  return GW_OK;
}

/* ---- answers ---- */

/* Text of any kind; what is compressed by itself, as images and archives are, only costs time. */
static bool compress_is_text(gw_str type) {
  static const gw_str types[] = {
    GW_STR_INIT("application/json"),     GW_STR_INIT("application/javascript"),
    GW_STR_INIT("application/xml"),      GW_STR_INIT("image/svg+xml"),
    GW_STR_INIT("application/x-ndjson"),
  };
  type = gw_str_trim(gw_str_first(type, gw_str_find(type, ';')), " \t");
  if (type.n > 5 && gw_str_eq_nocase(gw_str_first(type, 5), GW_STR("text/"))) return true;
  if (type.n > 5 && gw_str_eq_nocase(gw_str_skip(type, type.n - 5), GW_STR("+json"))) return true;
  if (type.n > 4 && gw_str_eq_nocase(gw_str_skip(type, type.n - 4), GW_STR("+xml"))) return true;
  for (size_t i = 0; i < GW_COUNT_OF(types); i++) {
    if (gw_str_eq_nocase(type, types[i])) return true;
  }
  return false;
}

/* RFC 9111 section 5.2.2.6. */
static bool compress_is_forbidden(gw_str cache_control) {
  while (cache_control.n > 0) {
    gw_str directive = gw_str_trim(gw_str_cut(&cache_control, ','), " \t");
    if (gw_str_eq_nocase(directive, GW_STR("no-transform"))) return true;
  }
  return false;
}

/* Whether the service's own fields leave the body to us. */
static bool compress_may(const gw_answer *answer) {
  if (answer->status == 204 || answer->status == 304 || answer->is_chunked) return false;
  if (!compress_is_text(answer->content_type)) return false;
  for (uint32_t i = 0; i < answer->field_count; i++) {
    const gw_header *field = &answer->fields[i];
    if (gw_str_eq(field->name, GW_STR("content-encoding"))) return false;
    if (gw_str_eq(field->name, GW_STR("cache-control")) && compress_is_forbidden(field->value))
      return false;
  }
  return true;
}

static bool compress_body(gw_exchange *exchange, gw_answer *answer) {
  gw_gzip *gzip;
  gw_buf packed;
  if (!exchange->accepts_gzip || answer->body.n > GW_GZIP_ANSWER_BYTES_MAX) return false;
  if ((gzip = gw_loop_gzip(exchange->engine->loop)) == NULL) return false;
  gw_buf_init(&packed, &exchange->arena, answer->body.n - 1);
  if (gw_gzip_deflate(gzip, answer->body, &packed) != GW_OK) return false;
  answer->body = gw_buf_str(&packed);
  return true;
}

/* RFC 9110 section 8.8.3.3: the same strong validator cannot stand for two representations. */
static void compress_weaken(gw_exchange *exchange, gw_header *field) {
  if (!gw_str_eq(field->name, GW_STR("etag")) || gw_str_starts(field->value, GW_STR("W/"))) return;
  gw_str weak = gw_arena_printf(&exchange->arena, "W/" GW_STR_FMT, GW_STR_ARG(field->value));
  if (weak.p != NULL) field->value = weak;
}

void gw_compress_answer(gw_exchange *exchange, gw_answer *answer) {
  if (!compress_may(answer)) return;
  uint32_t count = answer->field_count;
  gw_header *fields = gw_arena_alloc(&exchange->arena, (count + 2) * sizeof *fields);
  if (fields == NULL) return;
  if (count > 0) memcpy(fields, answer->fields, count * sizeof *fields);
  if (compress_body(exchange, answer)) {
    for (uint32_t i = 0; i < count; i++)
      compress_weaken(exchange, &fields[i]);
    fields[count++] = (gw_header){ GW_STR("content-encoding"), GW_STR("gzip") };
  }
  fields[count++] = (gw_header){ GW_STR("vary"), GW_STR("accept-encoding") };
  answer->fields = fields;
  answer->field_count = count;
}
