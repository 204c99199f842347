/* front_list: what connections tell their front.  Private to front/. */
#pragma once

#include "front/h1_conn.h"

gw_engine *gw_front_engine(gw_front *front);
bool gw_front_is_draining(const gw_front *front);
gw_buf *gw_front_head(gw_front *front); /* scratch for an answer's head */
size_t *
gw_front_pending_bytes(gw_front *front); /* what all connections keep behind their requests */
uint64_t gw_front_wall_seconds(gw_front *front); /* since 1970, at most a quarter of a second old */
/* A client's handshake failed: counts, and logs as long as there are few. */
void gw_front_tls_failed(gw_front *front, const gw_tcp *tcp);
void gw_front_set_idle(gw_front *front, gw_h1_conn *conn, bool idle);
void gw_front_remove(gw_front *front, gw_h1_conn *conn);
