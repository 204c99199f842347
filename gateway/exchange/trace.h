/* trace: W3C Trace Context's traceparent, continued or begun (w3.org/TR/trace-context section 3).
 * Pure but for the engine's random numbers. */
#pragma once

#include "exchange/engine.h"
#include "net/h1.h"

#define GW_TRACE_BYTES 55u /* "00-" 32 digits "-" 16 digits "-" 2 digits */

/* The client's, copied into arena, when it is a valid one of version 00, or of a later version that
 * begins like it; else *out stays as it is.  False only without memory. */
bool gw_trace_take(const gw_h1_request *request, gw_arena *arena, gw_str *out);

/* A new, unsampled trace; false only without memory. */
bool gw_trace_begin(gw_engine *engine, gw_arena *arena, gw_str *out);

/* The 32 digits of the trace-id of a valid value. */
gw_str gw_trace_id(gw_str traceparent);
