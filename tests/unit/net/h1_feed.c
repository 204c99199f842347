#include "unit/net/h1_feed.h"

void h1_feed_init(h1_feed *feed) {
  *feed = (h1_feed){ .limits = gw_limits_default() };
  gw_err_init(&feed->err);
  gw_arena_init(&feed->arena, NULL, GW_KIB(64));
  gw_h1_reader_init(&feed->reader, &feed->limits, &feed->arena);
}

void h1_feed_done(h1_feed *feed) {
  gw_arena_done(&feed->arena);
  free(feed->bytes);
}

/* What the reader has seen it may have changed: only the bytes behind come from `text`. */
static void feed_more(h1_feed *feed, gw_str text, size_t n) {
  char *bytes = malloc(n);
  assert_non_null(bytes);
  if (feed->fed > 0) memcpy(bytes, feed->bytes, feed->fed);
  memcpy(bytes + feed->fed, text.p + feed->fed, n - feed->fed);
  if (feed->fed > 0) explicit_bzero(feed->bytes, feed->fed); /* who still looks there sees it */
  free(feed->bytes);
  feed->bytes = bytes;
  feed->fed = n;
}

gw_code h1_feed_head(h1_feed *feed, gw_str text, size_t step) {
  gw_code code = GW_AGAIN;
  while (code == GW_AGAIN && feed->fed < text.n) {
    size_t left = text.n - feed->fed;
    feed_more(feed, text, feed->fed + (step > 0 ? gw_size_min(step, left) : left));
    code = gw_h1_head_read(&feed->reader, feed->bytes, feed->fed, &feed->request, &feed->head_n,
                           &feed->err);
  }
  return code;
}

gw_code h1_feed_body(h1_feed *feed, gw_str text, size_t step, size_t body_max, gw_buf *body,
                     gw_str *rest) {
  gw_code code = GW_AGAIN;
  *rest = text;
  do {
    size_t n = step > 0 ? gw_size_min(step, rest->n) : rest->n;
    char *piece = malloc(n + 1);
    gw_str in = { piece, n }, data;
    assert_non_null(piece);
    if (n > 0) memcpy(piece, rest->p, n);
    do {
      code = gw_h1_body_read(&feed->reader, &in, body_max, &data, &feed->err);
      if (code == GW_OK || code == GW_AGAIN) CHECK_INT(gw_buf_append(body, data), GW_OK);
    } while (code == GW_AGAIN && in.n > 0);
    *rest = gw_str_skip(*rest, n - in.n);
    free(piece);
  } while (code == GW_AGAIN && rest->n > 0);
  return code;
}
