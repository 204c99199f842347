#include "control/env.h"

#include <stdlib.h>

#include "base/buf.h"

#define ENV_NAME_MAX 128 /* bytes of a variable's name */

static size_t env_find(gw_str text) {
  const char *hit = text.n > 0 ? memmem(text.p, text.n, "${", 2) : NULL;
  return hit != NULL ? (size_t)(hit - text.p) : text.n;
}

static bool env_is_name(gw_str name) {
  if (name.n == 0 || name.n > ENV_NAME_MAX || (name.p[0] >= '0' && name.p[0] <= '9')) return false;
  for (size_t i = 0; i < name.n; i++) {
    char c = name.p[i], lower = gw_char_lower(c);
    if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '_') return false;
  }
  return true;
}

/* `inner` is what stands between the braces. */
static gw_code env_value(gw_str inner, gw_str *value, gw_err *err) {
  const char *colon = inner.n > 0 ? memmem(inner.p, inner.n, ":-", 2) : NULL;
  gw_str name = colon != NULL ? gw_str_from(inner.p, colon) : inner;
  if (!env_is_name(name)) {
    return gw_err_set(err, GW_BAD_VALUE,
                      "expected ${NAME} or ${NAME:-default}, not \"${" GW_STR_FMT "}\"",
                      GW_STR_ARG(inner));
  }
  char terminated[ENV_NAME_MAX + 1];
  memcpy(terminated, name.p, name.n);
  terminated[name.n] = '\0';
  const char *found = getenv(terminated);
  if (colon != NULL && (found == NULL || *found == '\0')) {
    *value = gw_str_skip(inner, name.n + 2);
    return GW_OK;
  }
  if (found == NULL) {
    return gw_err_set(err, GW_BAD_VALUE,
                      "the environment has no variable \"%s\"; set it or write ${%s:-default}",
                      terminated, terminated);
  }
  *value = gw_str_of(found);
  return GW_OK;
}

static gw_code env_append_next(gw_str text, size_t *position, gw_buf *buf, gw_err *err) {
  gw_str rest = gw_str_skip(text, *position);
  size_t at = env_find(rest);
  gw_code code = gw_buf_append(buf, gw_str_first(rest, at));
  *position += at;
  if (code != GW_OK || at == rest.n) return code;
  gw_str inner = gw_str_skip(rest, at + 2), value = { 0 };
  size_t end = gw_str_find(inner, '}');
  if (end == inner.n)
    code = gw_err_set(err, GW_BAD_VALUE, "\"${\" without a \"}\" after it");
  else
    code = env_value(gw_str_first(inner, end), &value, err);
  if (code != GW_OK) {
    gw_err_position(err, 1, (uint32_t)*position + 1);
    return code;
  }
  *position += end + 3;
  return gw_buf_append(buf, value);
}

gw_code gw_env_expand(gw_str text, gw_arena *arena, gw_str *out, gw_err *err) {
  if (env_find(text) == text.n) {
    *out = text;
    return GW_OK;
  }
  gw_buf buf;
  gw_buf_init(&buf, arena, GW_ENV_VALUE_BYTES_MAX);
  for (size_t position = 0; position < text.n;) {
    gw_code code = env_append_next(text, &position, &buf, err);
    if (code == GW_TOO_LARGE)
      return gw_err_set(err, code, "over %u bytes with its variables", GW_ENV_VALUE_BYTES_MAX);
    if (code != GW_OK) return code;
  }
  *out = buf.n > 0 ? gw_buf_str(&buf) : GW_STR("");
  return GW_OK;
}
