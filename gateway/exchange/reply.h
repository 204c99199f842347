/* reply: an exchange's answers: whole ones, streams, errors.  Each function takes the exchange to
 * DONE, or to REPLYING while a stream goes on.  One thread. */
#pragma once

#include "exchange/exchange.h"

/* A whole answer: the only place that gives the client one. */
void gw_reply_whole(gw_exchange *exchange, gw_answer *answer);
/* The exchange is over: nothing of its call is wanted any more.  Once. */
void gw_reply_done(gw_exchange *exchange);

/* The unary answer: `message` is rpc->output on the wire. */
void gw_reply_message(gw_exchange *exchange, gw_str message);

/* The same although `result` is an error: its status with the message as body (TRANSCODING D-34).
 */
void gw_reply_kept_message(gw_exchange *exchange, gw_str message, const gw_call_result *result);

/* One message of a stream, appended to the engine's scratch; the first one begins the answer.
 * False: the exchange is over (the message could not be printed, HEAD). */
bool gw_reply_stream_message(gw_exchange *exchange, gw_str message);
/* Sends what was appended. */
void gw_reply_stream_flush(gw_exchange *exchange);
/* The stream ended well. */
void gw_reply_stream_end(gw_exchange *exchange);

/* What the service or the call said went wrong. */
void gw_reply_result(gw_exchange *exchange, const gw_call_result *result);
/* What the gateway found wrong; exchange->err holds the reason (or is filled with `text`). */
void gw_reply_error(gw_exchange *exchange, gw_code code, const char *text);
/* 204 with Allow: OPTIONS; or 405 with Allow. */
void gw_reply_options(gw_exchange *exchange, gw_str allow);
void gw_reply_bad_method(gw_exchange *exchange, gw_str allow);
