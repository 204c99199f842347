#include "admin/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t process_resident_bytes(void) {
  unsigned long long total_pages, resident_pages;
  long page_bytes = sysconf(_SC_PAGESIZE);
  FILE *file = fopen("/proc/self/statm", "re");
  if (file == NULL) return 0;
  int read = fscanf(file, "%llu %llu", &total_pages, &resident_pages);
  fclose(file);
  return read == 2 && page_bytes > 0 ? (uint64_t)resident_pages * (uint64_t)page_bytes : 0;
}

static uint64_t process_open_fds(void) {
  struct stat info;
  uint64_t count = 0;
  /* Linux 6.2 and later tell the number as the folder's size. */
  if (stat("/proc/self/fd", &info) == 0 && info.st_size > 0) return (uint64_t)info.st_size;
  DIR *folder = opendir("/proc/self/fd");
  if (folder == NULL) return 0;
  for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
    count += entry->d_name[0] != '.';
  closedir(folder);
  return count > 0 ? count - 1 : 0; /* without the folder's own */
}

gw_process_figures gw_process_read(void) {
  return (gw_process_figures){ .resident_bytes = process_resident_bytes(),
                               .open_fds = process_open_fds() };
}
