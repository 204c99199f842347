#include "admin/token.h"

#include <sys/stat.h>
#include <unistd.h>

#include "unit/test.h"

/* A file of the test's own with these bytes; `path` is filled in. */
static void token_write(char *path, gw_str bytes, mode_t mode) {
  int descriptor = mkstemp(path);
  CHECK(descriptor >= 0);
  CHECK_INT(write(descriptor, bytes.p, bytes.n), (ssize_t)bytes.n);
  CHECK_INT(fchmod(descriptor, mode), 0);
  close(descriptor);
}

static gw_code token_read(gw_str bytes, mode_t mode, gw_token *token, gw_err *err) {
  char path[] = "token_test_XXXXXX";
  gw_err_init(err);
  *token = (gw_token){ .n = 0 };
  token_write(path, bytes, mode);
  gw_code code = gw_token_read(path, token, err);
  unlink(path);
  return code;
}

TEST(token, is_read_without_the_blanks_around_it) {
  static const char *const texts[] = { "s3cret", "s3cret\n", "\r\n s3cret \t\r\n\n" };
  gw_token token;
  gw_err err;
  for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
    CHECK_INT(token_read(gw_str_of(texts[i]), 0600, &token, &err), GW_OK);
    CHECK_STR(((gw_str){ token.bytes, token.n }), "s3cret");
  }
  CHECK_INT(token_read(GW_STR("s3cret"), 0400, &token, &err), GW_OK);
}

TEST(token, bad_files_are_refused_without_showing_them) {
  static const char *const texts[] = { "", "\n", "two s3crets", "s3cret\nsecond", "s3cr\xc3\xa9t" };
  gw_token token;
  gw_err err;
  for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
    CHECK_INT(token_read(gw_str_of(texts[i]), 0600, &token, &err), GW_BAD_VALUE);
    CHECK(strstr(err.text, "token_test_") != NULL);
    CHECK(strstr(err.text, "s3c") == NULL);
  }
}

TEST(token, others_must_not_use_the_file) {
  static const mode_t modes[] = { 0640, 0604, 0644, 0620, 0601 };
  gw_token token;
  gw_err err;
  for (size_t i = 0; i < GW_COUNT_OF(modes); i++) {
    CHECK_INT(token_read(GW_STR("s3cret"), modes[i], &token, &err), GW_BAD_VALUE);
    CHECK(strstr(err.text, "chmod 600") != NULL);
    CHECK_INT(token.n, 0);
  }
}

TEST(token, missing_files_and_folders_are_refused) {
  gw_token token;
  gw_err err;
  gw_err_init(&err);
  CHECK_INT(gw_token_read("tests/unit/admin/no_such_token", &token, &err), GW_BAD_VALUE);
  CHECK(strstr(err.text, "No such file") != NULL);
  gw_err_init(&err);
  CHECK_INT(gw_token_read("tests/unit/admin", &token, &err), GW_BAD_VALUE);
  CHECK(strstr(err.text, "not a file") != NULL);
}

TEST(token, length_has_a_limit) {
  char text[GW_TOKEN_BYTES_MAX + 200];
  gw_token token;
  gw_err err;
  memset(text, 'a', sizeof text);
  CHECK_INT(token_read((gw_str){ text, GW_TOKEN_BYTES_MAX }, 0600, &token, &err), GW_OK);
  CHECK_INT(token.n, GW_TOKEN_BYTES_MAX);
  CHECK_INT(token_read((gw_str){ text, GW_TOKEN_BYTES_MAX + 1 }, 0600, &token, &err), GW_BAD_VALUE);
  CHECK_INT(token_read((gw_str){ text, sizeof text }, 0600, &token, &err), GW_BAD_VALUE);
}

TEST(token, only_the_whole_token_matches) {
  static const char *const good[] = { "Bearer s3cret", "bearer s3cret", "BEARER   s3cret ",
                                      "Bearer \ts3cret" };
  static const char *const bad[] = { "",
                                     "Bearer",
                                     "Bearer ",
                                     "s3cret",
                                     "Basic s3cret",
                                     "Bearers3cret",
                                     "Bearer s3cre",
                                     "Bearer s3crets",
                                     "Bearer s3creT",
                                     "Bearer S3cret",
                                     "Bearer s3crets3cret",
                                     "Bearer s3cret s3cret" };
  gw_token token = { .n = 6, .bytes = "s3cret" }, none = { .n = 0 };
  for (size_t i = 0; i < GW_COUNT_OF(good); i++)
    CHECK(gw_token_matches(&token, gw_str_of(good[i])));
  for (size_t i = 0; i < GW_COUNT_OF(bad); i++)
    CHECK(!gw_token_matches(&token, gw_str_of(bad[i])));
  CHECK(!gw_token_matches(&token, (gw_str){ NULL, 0 }));
  CHECK(!gw_token_matches(&none, GW_STR("Bearer ")));
  gw_token_wipe(&token);
  CHECK(!gw_token_matches(&token, GW_STR("Bearer s3cret")));
}
