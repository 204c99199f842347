/* status: errors as a client of the REST API sees them, and gRPC's own spelling of them.
 * Sources: google/rpc/status.proto, gRPC PROTOCOL-HTTP2.md (Status-Message is percent-encoded),
 * RFC 9457 (problem+json).  Pure; one thread. */
#pragma once

#include "codec/codec.h"

/* What a failed exchange says.  Borrows. */
typedef struct gw_status {
  unsigned grpc_code;
  int http_status;
  gw_str message; /* plain UTF-8 (anything else is replaced when printed) */
  gw_str details; /* wire bytes of google.rpc.Status (grpc-status-details-bin, decoded); may be
                     empty */
  const gw_err
      *violation; /* gateway-made: becomes a google.rpc.BadRequest field violation; or NULL */
} gw_status;

typedef enum gw_error_form {
  GW_ERRORS_GOOGLE,
  GW_ERRORS_PROBLEM,
  GW_ERRORS_BRIEF /* GOOGLE, without "details" when there are none */
} gw_error_form;

/* {"code":5,"message":"...","details":[...]}: details are decoded from the pool (Any); one whose
 * type is unknown or whose bytes are broken becomes {"@type":...,"value":"<base64>"}.  A message in
 * `details` overrides status->message; the code never changes.
 * PROBLEM: {"type":"about:blank","title":"Not Found","status":404,"detail":"...","code":5,
 * "details":[...]}.  Fails only with GW_TOO_LARGE or GW_NOMEM. */
GW_CHECKED gw_code gw_status_print(gw_codec *codec, const gw_status *status, gw_error_form form,
                                   gw_buf *out);

/* grpc-message: what is not printable ASCII, and "%", percent-encoded into arena.  p == NULL: no
 * memory. */
gw_str gw_status_message_encode(gw_arena *arena, gw_str text);

/* grpc-message: percent-decoded into arena; bad escapes are kept as they are.  p == NULL: no
 * memory. */
gw_str gw_status_message_decode(gw_arena *arena, gw_str encoded);

/* grpc-status-details-bin: base64, padding optional.  False: not base64. */
bool gw_status_details_decode(gw_arena *arena, gw_str encoded, gw_str *out);
