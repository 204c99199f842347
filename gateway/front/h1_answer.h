/* h1_answer: an exchange's answers as HTTP/1.1 (RFC 9112).  Private to front/. */
#pragma once

#include "front/h1_conn.h"

extern const gw_client_ops gw_h1_client_ops;

/* For h1_answer.c, by h1_conn.c: */
bool gw_h1_conn_may_stay(const gw_h1_conn *conn);
void gw_h1_conn_answered(gw_h1_conn *conn); /* all of the answer was written or queued */
void gw_h1_conn_wrote(gw_h1_conn *conn);
void gw_h1_conn_hold(gw_h1_conn *conn, bool held);
