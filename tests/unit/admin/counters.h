/* counters: fills the registry of base/metrics.h from text, one line a figure:
 *
 *   request ROUTE WORKER STATUS MICROSECONDS TIMES   route "-": no route took it; "+": legacy did
 *   legacy ROUTE WORKER STATUS MICROSECONDS TIMES    legacy answered for the route
 *   ignored ROUTE WORKER COUNT
 *   upstream NAME WORKER FIELD VALUE                 a field of gw_upstream_metrics
 *   code NAME WORKER GRPC_CODE TIMES
 *   attempt NAME WORKER GRPC_CODE MICROSECONDS BYTES NAME: upstream^method; BYTES both ways
 *   call NAME WORKER GRPC_CODE MICROSECONDS
 *   worker - WORKER FIELD VALUE                      a field of gw_worker_metrics
 *   limit - WORKER NAME TIMES
 *
 * A tilde in a name stands for a line feed, a circumflex for a blank.  A line that is none of these
 * fails the test. */
#pragma once

#include "base/metrics.h"

void counters_fill(gw_str text);
