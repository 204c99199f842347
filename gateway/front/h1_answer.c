#include "front/h1_answer.h"

#include "front/front_list.h"
#include "net/h1_writer.h"

#define ANSWER_JOIN_BYTES 2048u /* copying so little costs less than a second piece in writev() */

static void answer_write_status(gw_h1_conn *conn, gw_h1_writer *writer, const gw_answer *answer) {
  gw_buf *out = gw_front_head(conn->front);
  uint64_t now = gw_front_wall_seconds(conn->front);
  out->n = 0;
  if (answer->reason.n == 0 && !answer->has_date) {
    gw_h1_write_status(writer, out, answer->status, now);
    return;
  }
  gw_h1_write_status_of(writer, out, answer->status, answer->reason);
  if (!answer->has_date) gw_h1_write_date(writer, now);
}

static void answer_write_framing(gw_h1_conn *conn, gw_h1_writer *writer, const gw_answer *answer,
                                 bool is_stream) {
  if (is_stream && answer->has_length) {
    gw_h1_write_length(writer, answer->length);
  } else if (is_stream || (answer->is_chunked && !answer->no_body)) {
    conn->is_chunked = !conn->http10;
    if (conn->is_chunked) gw_h1_write_chunked(writer);
    if (!is_stream && !conn->is_chunked) gw_h1_write_length(writer, answer->body.n);
  } else if (answer->no_body && answer->has_length) {
    if (answer->status != 204) gw_h1_write_length(writer, answer->length);
  } else if (answer->status != 204 && answer->status != 304 &&
             !(answer->no_length && answer->no_body)) {
    gw_h1_write_length(writer, answer->body.n);
  }
}

/* Status line and fields into the front's scratch; n == 0: no memory. */
static gw_str answer_head(gw_h1_conn *conn, const gw_answer *answer, bool is_stream) {
  gw_buf *out = gw_front_head(conn->front);
  gw_h1_writer writer;
  answer_write_status(conn, &writer, answer);
  if (answer->content_type.n > 0) {
    gw_h1_write_field(&writer, GW_STR("Content-Type"), answer->content_type);
  }
  for (uint32_t i = 0; i < answer->field_count; i++) {
    gw_h1_write_field(&writer, answer->fields[i].name, answer->fields[i].value);
  }
  answer_write_framing(conn, &writer, answer, is_stream);
  if (!gw_h1_conn_may_stay(conn) || conn->body_unread || conn->must_close) {
    gw_h1_write_field(&writer, GW_STR("Connection"), GW_STR("close"));
    conn->must_close = true;
  } else if (conn->http10) {
    gw_h1_write_field(&writer, GW_STR("Connection"), GW_STR("keep-alive"));
  }
  if (gw_h1_write_end(&writer) != GW_OK) return (gw_str){ NULL, 0 };
  gw_count(&gw_front_engine(conn->front)->metrics->dropped_headers_total, writer.dropped);
  return gw_buf_str(out);
}

/* The first piece of a chunked answer behind its head, or all of it; in one write. */
static void answer_write_chunks(gw_h1_conn *conn, gw_str head, gw_str body, bool ends) {
  char prefix[20];
  gw_str parts[5] = { head };
  size_t n = 1;
  if (body.n > 0) {
    parts[n++] = (gw_str){ prefix, gw_h1_chunk_prefix(body.n, prefix) };
    parts[n++] = body;
    parts[n++] = GW_STR("\r\n");
  }
  if (ends) parts[n++] = GW_STR("0\r\n\r\n");
  gw_tcp_write(conn->tcp, parts, n);
}

static void answer_whole(void *client, const gw_answer *answer) {
  gw_h1_conn *conn = client;
  if (answer->must_close) conn->must_close = true;
  gw_str parts[2] = { answer_head(conn, answer, false), answer->body };
  if (parts[0].n == 0) {
    conn->must_close = true;
  } else if (answer->no_body) {
    gw_tcp_write(conn->tcp, parts, 1);
  } else if (conn->is_chunked) {
    answer_write_chunks(conn, parts[0], parts[1], true);
  } else if (answer->body.n <= ANSWER_JOIN_BYTES &&
             gw_buf_append(gw_front_head(conn->front), answer->body) == GW_OK) {
    parts[0] = gw_buf_str(gw_front_head(conn->front));
    gw_tcp_write(conn->tcp, parts, 1);
  } else {
    gw_tcp_write(conn->tcp, parts, 2);
  }
  gw_h1_conn_answered(conn);
}

static void answer_begin(void *client, const gw_answer *head) {
  gw_h1_conn *conn = client;
  bool has_end = head->has_length || !conn->http10;
  if (!has_end) conn->must_close = true; /* the end of the connection ends the body */
  /* The request may still run; it is known only at the answer's end whether the connection stays.
   */
  if (conn->state == H1_BODY) conn->body_unread = false;
  gw_str text = answer_head(conn, head, true);
  /* Without memory for the head nothing of the body may follow. */
  if (text.n == 0) conn->must_close = conn->must_reset = true;
  if (text.n == 0) return;
  if (conn->is_chunked) {
    answer_write_chunks(conn, text, head->body, false);
  } else {
    gw_str parts[2] = { text, head->body };
    gw_tcp_write(conn->tcp, parts, 2);
  }
  gw_h1_conn_wrote(conn);
}

static void answer_piece(void *client, gw_str bytes) {
  gw_h1_conn *conn = client;
  char prefix[20];
  if (conn->must_reset) return;
  if (conn->is_chunked) {
    gw_str parts[3] = { { prefix, gw_h1_chunk_prefix(bytes.n, prefix) }, bytes, GW_STR("\r\n") };
    gw_tcp_write(conn->tcp, parts, 3);
  } else {
    gw_tcp_write(conn->tcp, &bytes, 1);
  }
  gw_h1_conn_wrote(conn);
}

static void answer_end(void *client) {
  gw_h1_conn *conn = client;
  if (conn->is_chunked && !conn->must_reset) {
    gw_tcp_write(conn->tcp, &GW_STR("0\r\n\r\n"), 1);
  }
  gw_h1_conn_answered(conn);
}

/* Without the last chunk the client sees that it is not whole; without chunks only a reset says so.
 */
static void answer_cut(void *client) {
  gw_h1_conn *conn = client;
  conn->must_close = true;
  conn->must_reset = !conn->is_chunked;
  gw_h1_conn_answered(conn);
}

static bool answer_is_writable(const void *client) {
  const gw_h1_conn *conn = client;
  return gw_tcp_queued(conn->tcp) == 0;
}

static void answer_hold(void *client, bool held) {
  gw_h1_conn_hold(client, held);
}

const gw_client_ops gw_h1_client_ops = {
  .answer = answer_whole,
  .begin = answer_begin,
  .piece = answer_piece,
  .end = answer_end,
  .cut = answer_cut,
  .is_writable = answer_is_writable,
  .hold = answer_hold,
};
