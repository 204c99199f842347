#include "codec/codec.h"

#include <stdlib.h>

/* One allocation: the arrays stand behind the head, the widest element first. */
gw_codec_memo *gw_codec_memo_new(const gw_pool *pool) {
  size_t fields = gw_pool_field_count(pool), guesses = fields + gw_pool_message_count(pool);
  gw_codec_memo *memo = calloc(1, sizeof *memo + guesses * sizeof(gw_codec_guess) +
                                      fields * (sizeof(uint32_t) + sizeof(uint8_t)));
  if (memo == NULL) return NULL;
  memo->next_field = (gw_codec_guess *)(void *)(memo + 1);
  memo->first_field = memo->next_field + fields;
  memo->enum_value = (uint32_t *)(void *)(memo->next_field + guesses);
  memo->length_bytes = (uint8_t *)(memo->enum_value + fields);
  return memo;
}

void gw_codec_memo_free(gw_codec_memo *memo) {
  free(memo);
}
