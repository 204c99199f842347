/* env: ${NAME} and ${NAME:-default} in values of the configuration.
 * Reads the process's environment: main thread, before the workers start. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#define GW_ENV_VALUE_BYTES_MAX 65536u /* one value after expansion */

/* *out borrows `text` when it has no "${", else it is a copy in arena.  A default is taken when the
 * variable is unset or empty, as in a shell.  GW_BAD_VALUE: malformed, or unset without a default
 * (err->column: of the "${" within `text`, from 1); GW_TOO_LARGE; GW_NOMEM. */
GW_CHECKED gw_code gw_env_expand(gw_str text, gw_arena *arena, gw_str *out, gw_err *err);
