/* Input: what claims to be gzip.  Checked: never more than the limit comes out or is reserved, what
 * failed leaves nothing, and what came out survives the way back. */
#include <stdlib.h>

#include "net/gzip.h"

#define INFLATED_BYTES_MAX 100000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static gw_gzip *gzip;
  gw_buf plain, packed, again;
  if (gzip == NULL && (gzip = gw_gzip_new()) == NULL) abort();
  gw_buf_init(&plain, NULL, 2 * INFLATED_BYTES_MAX);
  gw_buf_init(&packed, NULL, 2 * INFLATED_BYTES_MAX);
  gw_buf_init(&again, NULL, 2 * INFLATED_BYTES_MAX);
  gw_str in = { (const char *)data, size };
  gw_code code = gw_gzip_inflate(gzip, in, INFLATED_BYTES_MAX, &plain, NULL);
  if (code == GW_NOMEM || plain.n > INFLATED_BYTES_MAX) abort();
  if (plain.cap > INFLATED_BYTES_MAX + GW_BUF_SLACK + 64) abort();
  if (code != GW_OK && plain.n > 0) abort();
  if (code == GW_OK) {
    if (gw_gzip_deflate(gzip, gw_buf_str(&plain), &packed) != GW_OK) abort();
    code = gw_gzip_inflate(gzip, gw_buf_str(&packed), plain.n, &again, NULL);
    if (code != GW_OK || !gw_str_eq(gw_buf_str(&plain), gw_buf_str(&again))) abort();
  }
  gw_buf_done(&plain);
  gw_buf_done(&packed);
  gw_buf_done(&again);
  return 0;
}
