#include "control/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file_fault(int fd, gw_file_kind kind, size_t bytes_max, size_t *size) {
  struct stat info;
  if (fstat(fd, &info) != 0) return strerror(errno);
  if (!S_ISREG(info.st_mode)) return "it is not a file";
  if (kind == GW_FILE_SECRET && (info.st_mode & 077) != 0)
    return "others than its owner may use it; chmod 600 it";
  if ((uint64_t)info.st_size > bytes_max) return "it is too large";
  *size = (size_t)info.st_size;
  return NULL;
}

static gw_code file_read_fd(int fd, gw_file_kind kind, size_t bytes_max, gw_arena *arena,
                            gw_str *out, const char **fault) {
  size_t size = 0, n = 0;
  *fault = file_fault(fd, kind, bytes_max, &size);
  if (*fault != NULL) return GW_BAD_VALUE;
  char *bytes = gw_arena_alloc(arena, size + 1);
  if (bytes == NULL) return GW_NOMEM;
  while (n < size) {
    ssize_t got = read(fd, bytes + n, size - n);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) *fault = strerror(errno);
    if (got <= 0) break; /* a file that shrank meanwhile is taken as it is */
    n += (size_t)got;
  }
  if (*fault != NULL) return GW_BAD_VALUE;
  bytes[n] = '\0';
  *out = (gw_str){ bytes, n };
  return GW_OK;
}

gw_code gw_file_read(const char *path, gw_file_kind kind, size_t bytes_max, gw_arena *arena,
                     gw_str *out, const char **fault) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    *fault = strerror(errno);
    return GW_BAD_VALUE;
  }
  gw_code code = file_read_fd(fd, kind, bytes_max, arena, out, fault);
  close(fd);
  return code;
}

uint64_t gw_file_state(const char *path) {
  struct stat info;
  if (stat(path, &info) != 0) return 0;
  const uint64_t parts[] = {
    (uint64_t)info.st_dev,          (uint64_t)info.st_ino,          (uint64_t)info.st_size,
    (uint64_t)info.st_mtim.tv_sec,  (uint64_t)info.st_mtim.tv_nsec, (uint64_t)info.st_ctim.tv_sec,
    (uint64_t)info.st_ctim.tv_nsec,
  };
  uint64_t state = gw_str_hash((gw_str){ (const char *)parts, sizeof parts }, 1);
  return state != 0 ? state : 1;
}
