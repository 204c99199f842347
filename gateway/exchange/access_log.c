#include "exchange/access_log.h"

#include "exchange/forward.h"
#include "exchange/request_stream.h"
#include "exchange/trace.h"

#define ACCESS_TEXT_MAX   1024u /* bytes kept of a path or a reason */
#define ACCESS_FLUSH_SIZE GW_KIB(64)

static gw_code access_text(gw_buf *line, const char *key, gw_str value) {
  value.n = gw_size_min(value.n, ACCESS_TEXT_MAX);
  gw_code code = gw_buf_printf(line, ",\"%s\":", key);
  return code == GW_OK ? gw_buf_append_json_string(line, value) : code;
}

/* Streams only: how many messages went either way. */
static gw_code access_messages(const gw_exchange *exchange, gw_buf *line) {
  gw_code code = GW_OK;
  if (exchange->requests != NULL) {
    code = gw_buf_printf(line, ",\"messages_in\":%llu",
                         (unsigned long long)exchange->requests->message_count);
  }
  if (code == GW_OK && exchange->rule != NULL && exchange->rule->route->rpc->server_streaming) {
    code =
        gw_buf_printf(line, ",\"messages_out\":%llu", (unsigned long long)exchange->message_count);
  }
  return code;
}

static uint32_t access_attempts(const gw_exchange *exchange) {
  return exchange->forward != NULL ? exchange->forward->call.attempts
                                   : gw_call_streams(&exchange->call);
}

static gw_code access_line(const gw_exchange *exchange, uint64_t duration_us, gw_buf *line) {
  const gw_route *route = exchange->rule != NULL ? exchange->rule->route : NULL;
  gw_code code = gw_log_open(line, gw_clock_wall_ms());
  if (code == GW_OK)
    code = gw_buf_append(line, GW_STR(",\"level\":\"info\",\"event\":\"exchange\""));
  if (code == GW_OK && route != NULL) code = access_text(line, "route", route->name);
  if (code == GW_OK && exchange->forward != NULL) {
    code = gw_buf_append(line, GW_STR(",\"side\":\"legacy\""));
  } else if (code == GW_OK && route != NULL) {
    code = gw_buf_append(line, GW_STR(",\"side\":\"grpc\""));
  }
  if (code == GW_OK && exchange->is_fallback) {
    code = gw_buf_append(line, GW_STR(",\"fallback\":true"));
  }
  if (code == GW_OK) code = access_text(line, "method", exchange->method);
  if (code == GW_OK) code = access_text(line, "path", exchange->path);
  if (code == GW_OK) {
    code = gw_buf_printf(
        line,
        ",\"status\":%d,\"grpc_status\":%u,\"bytes_in\":%llu,\"bytes_out\":%llu,"
        "\"duration_ms\":%llu.%03llu,\"attempts\":%d",
        exchange->status, exchange->grpc_code, (unsigned long long)exchange->bytes_in,
        (unsigned long long)exchange->bytes_out, (unsigned long long)(duration_us / 1000),
        (unsigned long long)(duration_us % 1000), (int)access_attempts(exchange));
  }
  if (code == GW_OK) code = access_messages(exchange, line);
  if (code == GW_OK && exchange->forward != NULL) {
    code = access_text(line, "upstream", exchange->forward->upstream_name);
  } else if (code == GW_OK && route != NULL) {
    code = access_text(line, "upstream", route->upstream_name);
  }
  if (code == GW_OK && exchange->trace.n > 0) {
    code = access_text(line, "trace_id", gw_trace_id(exchange->trace));
  }
  if (code == GW_OK) code = access_text(line, "client", exchange->peer);
  if (code == GW_OK && exchange->reason.n > 0) code = access_text(line, "reason", exchange->reason);
  return code == GW_OK ? gw_buf_append(line, GW_STR("}\n")) : code;
}

void gw_access_log_add(gw_exchange *exchange, uint64_t duration_us) {
  gw_engine *engine = exchange->engine;
  gw_buf *lines = &engine->access_log;
  size_t before = lines->n;
  if (access_line(exchange, duration_us, lines) != GW_OK) lines->n = before;
  if (lines->n > ACCESS_FLUSH_SIZE) {
    gw_log_write(gw_buf_str(lines));
    lines->n = 0;
  } else {
    gw_loop_defer(engine->loop, &engine->log_task);
  }
}
