/* query: parameters of a query, fields of a form and headers, each set into the field it names
 * (TRANSCODING section 5).  Every value is appended as its own fragment of the message; protobuf
 * merges them.
 * Errors: GW_BAD_REQUEST (escapes, number of parameters), GW_BAD_VALUE with ->where the parameter
 * as the client named it and ->origin what it is; GW_TOO_LARGE, GW_NOMEM.  One thread. */
#pragma once

#include "route/bind.h"

/* All but the path's variables and a JSON body: form, query, headers.  What a JSON body became
 * stands in `out` from body_start on. */
GW_CHECKED gw_code gw_query_bind(const gw_bind_input *input, size_t body_start, gw_codec *codec,
                                 gw_buf *out, gw_bind_counts *counts, gw_err *err);
