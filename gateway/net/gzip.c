#include "net/gzip.h"

#include <stdlib.h>

#define ZLIB_CONST /* input is not written to */
#include <zlib.h>

#define GZIP_WINDOW_BITS (15 + 16) /* the whole window; 16: with gzip's head and tail */
#define GZIP_MEMORY      8         /* zlib's own default */
#define GZIP_BYTES_MIN   18u       /* RFC 1952: head, an empty block, tail */
#define GZIP_RATIO_MAX   1032u     /* DEFLATE's: 258 bytes for two bits */

struct gw_gzip {
  z_stream deflater, inflater;
  bool deflates, inflates; /* the state is there */
};

static voidpf gzip_alloc(voidpf opaque, uInt items, uInt size) {
  (void)opaque;
  return calloc(items, size);
}

static void gzip_give_back(voidpf opaque, voidpf piece) {
  (void)opaque;
  free(piece);
}

gw_gzip *gw_gzip_new(void) {
  gw_gzip *gzip = calloc(1, sizeof *gzip);
  if (gzip == NULL) return NULL;
  gzip->deflater.zalloc = gzip->inflater.zalloc = gzip_alloc;
  gzip->deflater.zfree = gzip->inflater.zfree = gzip_give_back;
  return gzip;
}

void gw_gzip_free(gw_gzip *gzip) {
  if (gzip == NULL) return;
  if (gzip->deflates) deflateEnd(&gzip->deflater);
  if (gzip->inflates) inflateEnd(&gzip->inflater);
  free(gzip);
}

/* Ready for a new member.  False: no memory. */
static bool gzip_ready_deflater(gw_gzip *gzip) {
  if (gzip->deflates) return deflateReset(&gzip->deflater) == Z_OK;
  gzip->deflates = deflateInit2(&gzip->deflater, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW_BITS,
                                GZIP_MEMORY, Z_DEFAULT_STRATEGY) == Z_OK;
  return gzip->deflates;
}

static bool gzip_ready_inflater(gw_gzip *gzip) {
  if (gzip->inflates) return inflateReset(&gzip->inflater) == Z_OK;
  gzip->inflates = inflateInit2(&gzip->inflater, GZIP_WINDOW_BITS) == Z_OK;
  return gzip->inflates;
}

gw_code gw_gzip_deflate(gw_gzip *gzip, gw_str in, gw_buf *out) {
  z_stream *z = &gzip->deflater;
  assert(in.n <= UINT32_MAX / 2);
  if (!gzip_ready_deflater(gzip)) return GW_NOMEM;
  size_t room = gw_size_min(deflateBound(z, in.n), out->max - out->n);
  gw_code code = gw_buf_reserve(out, room);
  if (code != GW_OK) return code;
  z->next_in = (const Bytef *)in.p;
  z->avail_in = (uInt)in.n;
  z->next_out = (Bytef *)out->p + out->n;
  z->avail_out = (uInt)room;
  if (deflate(z, Z_FINISH) != Z_STREAM_END) return GW_TOO_LARGE;
  out->n += room - z->avail_out;
  return GW_OK;
}

/* RFC 1952 section 2.3.1: ISIZE, the size modulo 2^32. */
static size_t gzip_told_size(gw_str in) {
  const uint8_t *p = (const uint8_t *)in.p + in.n - 4;
  return (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

gw_code gw_gzip_inflate(gw_gzip *gzip, gw_str in, size_t bytes_max, gw_buf *out, gw_err *err) {
  z_stream *z = &gzip->inflater;
  assert(in.n <= UINT32_MAX);
  if (in.n < GZIP_BYTES_MIN) return gw_err_set(err, GW_BAD_VALUE, "not gzip: %zu bytes", in.n);
  size_t size = gzip_told_size(in);
  if (size > bytes_max) {
    return gw_err_set(err, GW_TOO_LARGE,
                      "a message of %zu bytes is over the limit of %zu (message)", size, bytes_max);
  }
  if (size / GZIP_RATIO_MAX > in.n) {
    return gw_err_set(err, GW_BAD_VALUE, "malformed gzip: %zu bytes cannot be %zu", in.n, size);
  }
  if (!gzip_ready_inflater(gzip)) return gw_err_set(err, GW_NOMEM, "no memory");
  gw_code code = gw_buf_reserve(out, size);
  if (code != GW_OK) return gw_err_set(err, code, "no memory");
  z->next_in = (const Bytef *)in.p;
  z->avail_in = (uInt)in.n;
  z->next_out = (Bytef *)out->p + out->n;
  z->avail_out = (uInt)size;
  int ended = inflate(z, Z_FINISH);
  if (ended == Z_MEM_ERROR) return gw_err_set(err, GW_NOMEM, "no memory");
  if (ended == Z_BUF_ERROR && z->avail_out == 0) {
    return gw_err_set(err, GW_BAD_VALUE, "malformed gzip: more than the %zu bytes that it says",
                      size);
  }
  if (ended != Z_STREAM_END) {
    return gw_err_set(err, GW_BAD_VALUE, "malformed gzip: %s",
                      z->msg != NULL ? z->msg : "its end is missing");
  }
  if (z->avail_in > 0) {
    return gw_err_set(err, GW_BAD_VALUE, "malformed gzip: %u bytes behind its end", z->avail_in);
  }
  out->n += size;
  return GW_OK;
}
