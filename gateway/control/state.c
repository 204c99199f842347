#include "control/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/wall_time.h"
#include "control/file.h"
#include "control/values.h"

#define STATE_VERSION    1
#define STATE_ROUTES_MAX 16384u
#define STATE_TEXT_MAX   512u /* bytes of who and why */

/* ---- reading ---- */

typedef struct state_reader {
  gw_arena *arena;
  gw_err *err;
  gw_code code;
} state_reader;

static gw_code reader_fail(state_reader *r, gw_str route, const char *what) {
  if (r->code == GW_OK)
    r->code = gw_err_set(r->err, GW_BAD_VALUE, "route \"" GW_STR_FMT "\": %s",
                         GW_STR_ARG(gw_str_first(route, gw_size_min(route.n, 128))), what);
  return r->code;
}

static gw_str json_str(const json_t *value) {
  if (!json_is_string(value)) return (gw_str){ NULL, 0 };
  return (gw_str){ json_string_value(value), json_string_length(value) };
}

static bool read_stand(const json_t *object, gw_stand *out) {
  gw_stage stage;
  uint64_t share = 0;
  const json_t *given = json_object_get(object, "share");
  gw_str text = json_str(given);
  if (!gw_stage_parse(json_str(json_object_get(object, "stage")), &stage)) return false;
  if (given != NULL && !json_is_null(given) &&
      (text.p == NULL || !gw_value_share_parse(text, &share)))
    return false;
  *out = gw_stand_of(stage, (uint32_t)share);
  return true;
}

static gw_str read_text(state_reader *r, const json_t *value) {
  gw_str text = json_str(value);
  if (text.p == NULL || text.n > STATE_TEXT_MAX) return (gw_str){ NULL, 0 };
  gw_str copy = gw_arena_copy(r->arena, text);
  if (copy.p == NULL) r->code = GW_NOMEM;
  return copy;
}

static void read_entry(state_reader *r, gw_str name, const json_t *object, gw_state_entry *out) {
  gw_state_entry entry = { .held = json_is_true(json_object_get(object, "held")) };
  if (!gw_value_is_name(name) || !json_is_object(object)) {
    (void)reader_fail(r, name, "not a route's entry");
  } else if (!read_stand(object, &entry.stand)) {
    (void)reader_fail(r, name, "no stage, or a bad share");
  } else if (!read_stand(json_object_get(object, "over"), &entry.over)) {
    (void)reader_fail(r, name, "\"over\" is no stage");
  } else if (!gw_wall_time_parse(json_str(json_object_get(object, "at")), &entry.at_ms)) {
    (void)reader_fail(r, name, "\"at\" is no time");
  }
  if (r->code != GW_OK) return;
  entry.route = gw_arena_copy(r->arena, name);
  entry.who = read_text(r, json_object_get(object, "who"));
  entry.why = read_text(r, json_object_get(object, "why"));
  if (entry.route.p == NULL) r->code = GW_NOMEM;
  if (r->code == GW_OK && (entry.who.p == NULL || entry.why.p == NULL))
    (void)reader_fail(r, name, "\"who\" or \"why\" is missing");
  *out = entry;
}

static gw_code read_routes(state_reader *r, const json_t *routes, gw_state_entry **items,
                           size_t *count) {
  size_t n = json_object_size(routes), i = 0;
  const char *name;
  const json_t *object;
  if (!json_is_object(routes) || n > STATE_ROUTES_MAX)
    return gw_err_set(r->err, GW_BAD_VALUE, "\"routes\" is not a list of routes by name");
  gw_state_entry *list = gw_arena_zalloc(r->arena, (n + 1) * sizeof *list);
  if (list == NULL) return GW_NOMEM;
  json_object_foreach((json_t *)(uintptr_t)routes, name, object) {
    read_entry(r, gw_str_of(name), object, &list[i++]);
    if (r->code != GW_OK) return r->code;
  }
  *items = list;
  *count = n;
  return GW_OK;
}

static gw_code read_json(gw_str text, gw_arena *arena, gw_state_entry **items, size_t *count,
                         gw_err *err) {
  json_error_t error;
  state_reader r = { .arena = arena, .err = err, .code = GW_OK };
  json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &error);
  if (root == NULL && json_error_code(&error) == json_error_out_of_memory) return GW_NOMEM;
  if (root == NULL)
    return gw_err_set(err, GW_BAD_VALUE, "line %d, column %d: %s", error.line, error.column,
                      error.text);
  gw_code code = GW_BAD_VALUE;
  if (json_integer_value(json_object_get(root, "version")) == STATE_VERSION)
    code = read_routes(&r, json_object_get(root, "routes"), items, count);
  else
    code = gw_err_set(err, code, "it is not of version %d", STATE_VERSION);
  json_decref(root);
  return code;
}

gw_code gw_state_read(const char *path, gw_arena *arena, gw_state_entry **items, size_t *count,
                      gw_err *err) {
  const char *fault = NULL;
  gw_str text;
  if (access(path, F_OK) != 0 && errno == ENOENT) return GW_NOT_FOUND;
  gw_code code = gw_file_read(path, GW_FILE_PLAIN, GW_STATE_BYTES_MAX, arena, &text, &fault);
  if (code == GW_BAD_VALUE) return gw_err_set(err, code, "%s", fault);
  return code == GW_OK ? read_json(text, arena, items, count, err) : code;
}

bool gw_state_set_aside(const char *path) {
  char broken[PATH_MAX];
  int n = snprintf(broken, sizeof broken, "%s.broken", path);
  return n > 0 && (size_t)n < sizeof broken && rename(path, broken) == 0;
}

/* ---- writing ---- */

static gw_code write_text(gw_buf *out, const char *key, gw_str value) {
  gw_code code = gw_buf_printf(out, ",\"%s\":", key);
  return code == GW_OK ? gw_buf_append_json_string(out, value) : code;
}

static gw_code write_stand(gw_buf *out, gw_stand stand) {
  char share[GW_SHARE_TEXT_MAX];
  gw_share_print(stand.share, share);
  gw_code code =
      gw_buf_printf(out, "\"stage\":\"" GW_STR_FMT "\"", GW_STR_ARG(gw_stage_name(stand.stage)));
  if (code == GW_OK && stand.stage == GW_STAGE_CANARY)
    code = gw_buf_printf(out, ",\"share\":\"%s\"", share);
  return code;
}

static gw_code write_time(gw_buf *out, uint64_t ms) {
  char text[GW_WALL_TIME_BYTES];
  gw_wall_time_print(ms, text);
  return gw_buf_printf(out, ",\"at\":\"%s\"", text);
}

static gw_code write_entry(gw_buf *out, const gw_state_entry *entry) {
  gw_code code = gw_buf_append_json_string(out, entry->route);
  if (code == GW_OK) code = gw_buf_append(out, GW_STR(":{"));
  if (code == GW_OK) code = write_stand(out, entry->stand);
  if (code == GW_OK) code = gw_buf_append(out, GW_STR(",\"over\":{"));
  if (code == GW_OK) code = write_stand(out, entry->over);
  if (code == GW_OK) code = gw_buf_append(out, GW_STR("}"));
  if (code == GW_OK) code = write_text(out, "who", entry->who);
  if (code == GW_OK) code = write_text(out, "why", entry->why);
  if (code == GW_OK) code = write_time(out, entry->at_ms);
  if (code == GW_OK && entry->held) code = gw_buf_append(out, GW_STR(",\"held\":true"));
  return code == GW_OK ? gw_buf_append(out, GW_STR("}")) : code;
}

static gw_code write_all(gw_buf *out, const gw_state_entry *items, size_t count) {
  gw_code code = gw_buf_printf(out, "{\"version\":%d,\"routes\":{", STATE_VERSION);
  for (size_t i = 0; i < count && code == GW_OK; i++) {
    code = gw_buf_append(out, i > 0 ? GW_STR(",\n  ") : GW_STR("\n  "));
    if (code == GW_OK) code = write_entry(out, &items[i]);
  }
  return code == GW_OK ? gw_buf_append(out, GW_STR("\n}}\n")) : code;
}

static bool file_fill(int fd, gw_str bytes) {
  while (bytes.n > 0) {
    ssize_t n = write(fd, bytes.p, bytes.n);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes = gw_str_skip(bytes, (size_t)n);
  }
  return fsync(fd) == 0;
}

/* Only when the folder's entry is on the disk, too, a loss of power keeps the rename. */
static bool folder_sync(const char *path) {
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  size_t n = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
  if (n >= sizeof folder) return false;
  memcpy(folder, slash == NULL ? "." : path, n);
  folder[n] = '\0';
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  /* Some file systems do not sync folders, and say so: what can be done was done. */
  bool good = fsync(fd) == 0 || errno == EINVAL || errno == EROFS;
  close(fd);
  return good;
}

static gw_code file_replace(const char *path, gw_str bytes, gw_err *err) {
  char aside[PATH_MAX];
  int n = snprintf(aside, sizeof aside, "%s.tmp", path);
  if (n < 0 || (size_t)n >= sizeof aside)
    return gw_err_set(err, GW_UNAVAILABLE, "%s: the path is too long", path);
  int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return gw_err_set(err, GW_UNAVAILABLE, "%s: %s", aside, strerror(errno));
  bool good = file_fill(fd, bytes);
  int error = errno;
  if (close(fd) != 0 && good) {
    good = false;
    error = errno;
  }
  if (good && rename(aside, path) != 0) {
    good = false;
    error = errno;
  }
  if (!good) {
    unlink(aside);
    return gw_err_set(err, GW_UNAVAILABLE, "%s: %s", path, strerror(error));
  }
  if (!folder_sync(path))
    return gw_err_set(err, GW_UNAVAILABLE, "%s: its folder: %s", path, strerror(errno));
  return GW_OK;
}

gw_code gw_state_write(const char *path, const gw_state_entry *items, size_t count, gw_err *err) {
  gw_buf out;
  gw_buf_init(&out, NULL, GW_STATE_BYTES_MAX);
  gw_code code = write_all(&out, items, count);
  if (code == GW_OK) code = file_replace(path, gw_buf_str(&out), err);
  gw_buf_done(&out);
  return code;
}
