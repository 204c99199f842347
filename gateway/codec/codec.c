#include "codec/codec.h"

#include <stdlib.h>

/* One allocation: the arrays stand behind the head, the widest element first. */
gw_codec_memo *gw_codec_memo_new(const gw_pool *pool) {
  size_t fields = gw_pool_field_count(pool), guesses = fields + gw_pool_message_count(pool);
  size_t guess_bytes = sizeof(gw_codec_guess) + sizeof(gw_codec_successor);
  gw_codec_memo *memo = calloc(1, sizeof *memo + guesses * guess_bytes +
                                      fields * (sizeof(uint32_t) + sizeof(uint8_t)));
  if (memo == NULL) return NULL;
  memo->next_field = (gw_codec_guess *)(void *)(memo + 1);
  memo->first_field = memo->next_field + fields;
  memo->next_tag = (gw_codec_successor *)(void *)(memo->next_field + guesses);
  memo->first_tag = memo->next_tag + fields;
  memo->enum_value = (uint32_t *)(void *)(memo->next_tag + guesses);
  memo->length_bytes = (uint8_t *)(memo->enum_value + fields);
  return memo;
}

void gw_codec_memo_free(gw_codec_memo *memo) {
  free(memo);
}
