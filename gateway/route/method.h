/* method: what HTTP promises of a request by its method (RFC 9110 section 9.2), QUERY among them.
 * Pure; any thread. */
#pragma once

#include "base/str.h"

bool gw_method_is_safe(gw_str method);       /* asks for nothing to be changed */
bool gw_method_is_idempotent(gw_str method); /* once more is the same as once; safe ones are */
