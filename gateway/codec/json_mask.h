/* json_mask: which fields a JSON object sets, as the paths of a google.protobuf.FieldMask
 * (TRANSCODING section 6.2): the leaves in proto names, explicit nulls and defaults too.  Lists,
 * maps, Any and the other well-known types are leaves; objects of a Struct or Value are descended
 * by their keys; an empty object is a leaf.  What the codec ignores, unknown fields and unknown
 * enum names, is no leaf: a mask that names it would clear the field.
 * Iterative; linear in text and output.  One thread. */
#pragma once

#include "codec/codec.h"

/* `json` was read as one `message` without error and has GW_JSON_PAD readable bytes behind it; no
 * object, no paths.  Leaves at or below one of `skips` are left out.  Appends the mask's content to
 * `out`, as often "paths" as there are leaves, in the text's order.  GW_TOO_LARGE, GW_NOMEM: `out`
 * is as it was. */
GW_CHECKED gw_code gw_json_mask(gw_codec *codec, const gw_message *message, gw_str json,
                                const gw_field_path *skips, uint32_t skip_count, gw_buf *out);

/* Appends one path. */
GW_CHECKED gw_code gw_json_mask_path(gw_str path, gw_buf *out);
