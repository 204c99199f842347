/* patch_mask: PATCH fills an absent FieldMask from the body (TRANSCODING section 6.2), so that a
 * service can tell "not said" from "set to its default".
 * Only where the rule's body is one message field and the request has exactly one other field that
 * is a FieldMask.  Fields that the path binds are no part of the mask: the body's word for them is
 * not taken.  One thread. */
#pragma once

#include "route/bind.h"

/* Whether the rule has such a mask: fills rule->mask and mask_skips.  Its vars and body are
 * resolved. */
GW_CHECKED gw_code gw_patch_mask_resolve(gw_rule *rule, gw_arena *arena);

/* Whether out->p[start ...], the message so far, has a mask with paths: then nothing is filled. */
bool gw_patch_mask_is_set(const gw_rule *rule, gw_arena *arena, gw_str message);

/* From a JSON body, which was read already.  Appends to `out`.  GW_TOO_LARGE, GW_NOMEM. */
GW_CHECKED gw_code gw_patch_mask_of_json(const gw_rule *rule, gw_codec *codec, gw_str body,
                                         gw_buf *out);

/* From the fields of a form: whole paths, of which those below the rule's body count, each once. */
GW_CHECKED gw_code gw_patch_mask_of_paths(const gw_rule *rule, const gw_field_path *paths,
                                          uint32_t count, gw_codec *codec, gw_buf *out);
