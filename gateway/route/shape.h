/* shape: which paths a template takes, whatever its variables are called.
 * Pure; any thread. */
#pragma once

#include "base/buf.h"
#include "route/template.h"

/* Appends "/v1/users" and "*" for each variable or wildcard of one segment, "**" for many: equal
 * for templates that take the same paths by the same ways. */
GW_CHECKED gw_code gw_shape_print(const gw_template *template, gw_buf *out);

/* Whether `wide` takes every path that `narrow` takes. */
bool gw_shape_covers(const gw_template *wide, const gw_template *narrow);
