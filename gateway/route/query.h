/* query: parameters of a query, fields of a form and headers, each set into the field it names
 * (TRANSCODING section 5).  Every value is appended as its own fragment of the message; protobuf
 * merges them.
 * Errors: GW_BAD_REQUEST (escapes, number of parameters), GW_BAD_VALUE with ->where the parameter
 * as the client named it, GW_TOO_LARGE, GW_NOMEM.  One thread. */
#pragma once

#include "route/bind.h"

/* All but the path's variables and a JSON body: form, query, headers.  body_set: a JSON body gave
 * the body's field a value. */
GW_CHECKED gw_code gw_query_bind(const gw_bind_input *input, bool body_set, gw_codec *codec,
                                 gw_buf *out, gw_bind_counts *counts, gw_err *err);
