/* gateway: the codec behind a door that C++ can open too: plain types, and assertions on what a
 * conversion may cost.  The set's bytes are borrowed only during the call.
 * A failed assertion ends the process: it is the fuzzers' way to report. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DIFF_OUT_MAX ((size_t)1 << 20)

typedef struct diff_result {
  bool ok;
  const char *bytes; /* until the next conversion in the same direction */
  size_t n;
  uint32_t line, column; /* of the refusal */
  const char *where, *why;
} diff_result;

/* The set that every pool has: well-known types, google.rpc, google.api. */
const char *diff_gateway_builtin(size_t *n);
void diff_gateway_load(const char *set, size_t n);
diff_result diff_json_to_wire(const char *message, bool reject_unknown, const char *json, size_t n);
diff_result diff_wire_to_json(const char *message, const char *wire, size_t n);

#ifdef __cplusplus
}
#endif
