/* token: the secret that the operators' API demands for what changes state.
 * The file holds one token of visible ASCII, blanks around it do not count; nobody but its owner
 * may use the file.  The bytes never reach a message or a log.
 * Pure but for the file; any thread. */
#pragma once

#include "base/err.h"

#define GW_TOKEN_BYTES_MAX 512u /* a header field of an operator's tool holds it easily */

typedef struct gw_token {
  size_t n; /* 0: none is demanded */
  char bytes[GW_TOKEN_BYTES_MAX];
} gw_token;

/* GW_BAD_VALUE, with the file's name in the text. */
GW_CHECKED gw_code gw_token_read(const char *path, gw_token *out, gw_err *err);

/* Whether the value of an Authorization field is "Bearer TOKEN" (RFC 6750 section 2.1); false when
 * there is no token.  Takes as long for a wrong token as for the right one. */
bool gw_token_matches(const gw_token *token, gw_str authorization);

void gw_token_wipe(gw_token *token);
