#include "admin/token.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_BLANKS " \t\r\n"

/* What is wrong with the file as such; NULL: nothing. */
static const char *token_file_fault(int descriptor) {
  struct stat info;
  if (fstat(descriptor, &info) != 0) return strerror(errno);
  if (!S_ISREG(info.st_mode)) return "it is not a file";
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return "others than its owner may use it; chmod 600 it";
  return NULL;
}

static const char *token_take(gw_str text, gw_token *out) {
  text = gw_str_trim(text, TOKEN_BLANKS);
  if (text.n == 0) return "it is empty";
  if (text.n > sizeof out->bytes) return "the token is too long";
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] <= ' ' || text.p[i] > '~') return "it holds more than one word of ASCII";
  }
  memcpy(out->bytes, text.p, text.n);
  out->n = text.n;
  return NULL;
}

static const char *token_read_from(int descriptor, gw_token *out) {
  char text[GW_TOKEN_BYTES_MAX + 64]; /* with blanks around it; a full one shows an excess */
  size_t n = 0;
  const char *fault = token_file_fault(descriptor);
  while (fault == NULL && n < sizeof text) {
    ssize_t got = read(descriptor, text + n, sizeof text - n);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fault = strerror(errno);
    if (got <= 0) break;
    n += (size_t)got;
  }
  if (fault == NULL && n == sizeof text) fault = "the token is too long";
  if (fault == NULL) fault = token_take((gw_str){ text, n }, out);
  explicit_bzero(text, sizeof text);
  return fault;
}

gw_code gw_token_read(const char *path, gw_token *out, gw_err *err) {
  /* Without O_NONBLOCK a pipe of that name would hold the start for ever. */
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  const char *fault = descriptor < 0 ? strerror(errno) : token_read_from(descriptor, out);
  if (descriptor >= 0) close(descriptor);
  if (fault == NULL) return GW_OK;
  return gw_err_set(err, GW_BAD_VALUE, "admin.token_file \"%s\": %s", path, fault);
}

bool gw_token_matches(const gw_token *token, gw_str authorization) {
  gw_str rest = authorization, scheme = gw_str_cut(&rest, ' ');
  if (token->n == 0 || !gw_str_eq_nocase(scheme, GW_STR("Bearer"))) return false;
  rest = gw_str_trim(rest, " \t");
  /* Every byte of what was sent is compared, and `volatile` keeps the compiler from stopping at
   * the first difference: the time tells nothing but the length that the caller chose itself. */
  volatile unsigned char different = rest.n != token->n;
  for (size_t i = 0; i < rest.n; i++)
    different |= (unsigned char)(rest.p[i] ^ token->bytes[i % token->n]);
  return different == 0;
}

void gw_token_wipe(gw_token *token) {
  explicit_bzero(token, sizeof *token);
}
