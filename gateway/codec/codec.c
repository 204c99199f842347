#include "codec/codec.h"

#include <stdlib.h>

/* One allocation: the arrays stand behind the head, the widest element first. */
gw_codec_memo *gw_codec_memo_new(const gw_pool *pool) {
  size_t fields = gw_pool_field_count(pool), messages = gw_pool_message_count(pool);
  size_t words = 2 * fields + messages;
  gw_codec_memo *memo = calloc(1, sizeof *memo + words * sizeof(uint32_t) + fields);
  if (memo == NULL) return NULL;
  memo->next_field = (uint32_t *)(void *)(memo + 1);
  memo->first_field = memo->next_field + fields;
  memo->enum_value = memo->first_field + messages;
  memo->length_bytes = (uint8_t *)(memo->enum_value + fields);
  return memo;
}

void gw_codec_memo_free(gw_codec_memo *memo) {
  free(memo);
}
