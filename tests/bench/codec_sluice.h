/* codec_sluice: the gateway's codec behind plain functions, which the benchmark's C++ can call.
 * A conversion does what an exchange does: an arena from a pool of blocks, an output buffer that is
 * used again.  Errors go to standard error.  One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct codec_sluice codec_sluice;

/* Of one message type; NULL: failed.  Owned by the caller. */
codec_sluice *codec_sluice_new(const char *descriptor_path, const char *message_name);
void codec_sluice_free(codec_sluice *sluice);

/* GW_JSON_PAD bytes behind the text are readable.  *out lives until the next conversion. */
bool codec_sluice_json_to_wire(codec_sluice *sluice, const char *json, size_t json_n,
                               const char **out, size_t *out_n);
bool codec_sluice_wire_to_json(codec_sluice *sluice, const char *wire, size_t wire_n,
                               const char **out, size_t *out_n);
/* What json_to_wire wants behind a text. */
size_t codec_sluice_json_pad(void);

#ifdef __cplusplus
}
#endif
