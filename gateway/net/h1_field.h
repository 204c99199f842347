/* h1_field: what single fields of a head mean for its framing (RFC 9112 section 6) and a request's
 * target (RFC 9110 section 7.2).  For h1_block.c only.
 * Pure; any thread.  Errors: as gw_h1_head_read(). */
#pragma once

#include "net/h1.h"

/* Judges one field whose name is lower-cased and records in `reader` what it means.
 * `bytes`: the head's first byte. */
GW_CHECKED gw_code gw_h1_field_take(gw_h1_reader *reader, const char *bytes, const gw_header *field,
                                    gw_err *err);

/* The same for an answer, whose names stand as the server wrote them. */
GW_CHECKED gw_code gw_h1_field_take_answer(gw_h1_reader *reader, const gw_header *field,
                                           gw_err *err);

/* Refuses names that only differ from a framing field's by underscores: another server may take
 * them for it. */
GW_CHECKED gw_code gw_h1_field_drop(gw_str name, gw_err *err);

/* uri-host [ ":" port ] (RFC 9110 section 4.2), without userinfo, the host not empty. */
bool gw_h1_authority_ok(gw_str authority);

/* Whether a Connection field among these, of which there are `connection_count`, names that field,
 * in whatever case. */
bool gw_h1_fields_name(const gw_header *fields, uint32_t count, uint32_t connection_count,
                       gw_str name);
