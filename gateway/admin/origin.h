/* origin: whether a request's Origin field is that of the operators' own page (Fetch section 3.1).
 * A browser names the page's origin in whatever may change state.  Equal to Host is not enough: a
 * stranger's name may be made to point here.  So the host must be a numeric address or localhost,
 * which no stranger can have.  Pure; any thread. */
#pragma once

#include "base/str.h"

/* origin: "http://127.0.0.1:9901"; host: the Host field, "127.0.0.1:9901"; p == NULL: absent. */
bool gw_origin_is_own(gw_str origin, gw_str host);
