#include "migrate/draw.h"

/* ---- the key ---- */

static const char draw_blanks[] = " \t";

/* RFC 6265 section 4.1.1: a cookie-value may stand in quotes.  A client that writes them is the
 * same user as before, so they don't belong to the key. */
static gw_str draw_unquote(gw_str value) {
  if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
    value = (gw_str){ value.p + 1, value.n - 2 };
  return value;
}

/* One Cookie field: `a=1; b=2`.  Read as RFC 6265 section 5.2 reads Set-Cookie: what is no pair is
 * skipped, and the name must be equal byte for byte. */
static gw_str draw_cookie(gw_str name, gw_str field) {
  while (field.n > 0) {
    gw_str pair = gw_str_cut(&field, ';');
    size_t equals = gw_str_find(pair, '=');
    if (equals == pair.n) continue;
    if (!gw_str_eq(gw_str_trim(gw_str_first(pair, equals), draw_blanks), name)) continue;
    gw_str value = draw_unquote(gw_str_trim(gw_str_skip(pair, equals + 1), draw_blanks));
    if (value.n > 0) return value;
  }
  return (gw_str){ NULL, 0 };
}

gw_str gw_draw_key(const gw_sticky *sticky, const gw_header *fields, uint32_t count) {
  bool is_cookie = sticky->kind == GW_STICKY_COOKIE;
  if (sticky->kind == GW_STICKY_NONE) return (gw_str){ NULL, 0 };
  gw_str wanted = is_cookie ? GW_STR("cookie") : sticky->name;
  for (uint32_t i = 0; i < count; i++) {
    if (!gw_str_eq(fields[i].name, wanted)) continue;
    gw_str value = is_cookie ? draw_cookie(sticky->name, fields[i].value)
                             : gw_str_trim(fields[i].value, draw_blanks);
    if (value.n > 0) return value; /* an empty one names nobody */
  }
  return (gw_str){ NULL, 0 };
}

/* ---- the point ---- */

static uint64_t draw_rotate(uint64_t x, unsigned bits) {
  return (x << bits) | (x >> (64 - bits));
}

static uint64_t draw_read_le64(const char *p, size_t n) {
  uint64_t word = 0;
  for (size_t i = 0; i < n; i++)
    word |= (uint64_t)(unsigned char)p[i] << (8 * i);
  return word;
}

static void draw_rounds(uint64_t v[4], int rounds) {
  while (rounds-- > 0) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = draw_rotate(v[1], 13) ^ v[0];
    v[3] = draw_rotate(v[3], 16) ^ v[2];
    v[0] = draw_rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = draw_rotate(v[1], 17) ^ v[2];
    v[3] = draw_rotate(v[3], 21) ^ v[0];
    v[2] = draw_rotate(v[2], 32);
  }
}

uint64_t gw_draw_hash(uint64_t key0, uint64_t key1, gw_str bytes) {
  uint64_t v[4] = { key0 ^ 0x736f6d6570736575ull, key1 ^ 0x646f72616e646f6dull,
                    key0 ^ 0x6c7967656e657261ull, key1 ^ 0x7465646279746573ull };
  uint64_t last = (uint64_t)bytes.n << 56;
  for (; bytes.n >= 8; bytes = gw_str_skip(bytes, 8)) {
    uint64_t word = draw_read_le64(bytes.p, 8);
    v[3] ^= word;
    draw_rounds(v, 2);
    v[0] ^= word;
  }
  last |= draw_read_le64(bytes.p, bytes.n);
  v[3] ^= last;
  draw_rounds(v, 2);
  v[0] ^= last;
  v[2] ^= 0xff;
  draw_rounds(v, 4);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* In 0 .. GW_SHARE_WHOLE - 1, each equally often. */
static uint32_t draw_point(uint64_t bits) {
  return (uint32_t)(((__uint128_t)bits * GW_SHARE_WHOLE) >> 64);
}

/* The keys are constants: a user must stay on its side over restarts and on every machine.  That a
 * user who knows them can choose a side is no harm: either side would serve it.  The group's hash
 * is the key of the second one, so that no group and key run into each other. */
static uint64_t draw_bits(gw_str group, gw_str key) {
  const uint64_t key0 = 0x736c756963652d64ull, key1 = 0x7261772d76310000ull;
  return gw_draw_hash(gw_draw_hash(key0, key1, group), key1, key);
}

gw_side gw_draw_side(const gw_migration *migration, gw_stand stand, gw_str key, uint64_t random) {
  switch (stand.stage) {
  case GW_STAGE_GRPC: return GW_SIDE_GRPC;
  case GW_STAGE_CANARY: break;
  default: return GW_SIDE_LEGACY;
  }
  uint64_t bits = key.p != NULL ? draw_bits(migration->group, key) : random;
  return draw_point(bits) < stand.share ? GW_SIDE_GRPC : GW_SIDE_LEGACY;
}

bool gw_draw_shadow(const gw_migration *migration, gw_stand stand, bool safe, uint64_t random) {
  const gw_shadow_policy *policy = &migration->shadow;
  if (stand.stage == GW_STAGE_LEGACY) return false;
  if (stand.stage == GW_STAGE_GRPC && !policy->legacy) return false;
  if (!safe && !policy->unsafe) return false;
  return draw_point(random) < policy->sample;
}
