/* Each set in descriptors/broken/ is refused, with the words in tests/golden/descriptors/NAME/. */
#include <dirent.h>

#include "base/buf.h"
#include "schema/load.h"
#include "unit/golden.h"

typedef struct broken_report {
  gw_buf text;
  gw_code first;
} broken_report;

static void broken_note(void *context, const gw_err *err) {
  broken_report *report = context;
  if (report->first == GW_OK) report->first = err->code;
  CHECK(err->code != GW_OK);
  CHECK_INT(
      gw_buf_printf(&report->text, "%s: %s: %s\n", gw_code_name(err->code), err->where, err->text),
      GW_OK);
}

static void broken_run(golden_case *c, void *context) {
  char path[256];
  broken_report report = { .first = GW_OK };
  gw_pool *pool = NULL;
  (void)context;
  snprintf(path, sizeof path, "descriptors/broken/%s.pb", c->name);
  gw_buf_init(&report.text, NULL, 1 << 16);
  gw_schema_source source = { gw_str_of(path), test_read_file(path) };
  gw_code code = gw_pool_load(&source, 1, broken_note, &report, &pool);
  CHECK(code != GW_OK && pool == NULL);
  CHECK_INT(code, report.first);
  golden_check(c, "errors", gw_buf_str(&report.text));
  free((void *)(uintptr_t)source.bytes.p);
  gw_buf_done(&report.text);
}

TEST(broken, sets_are_refused_by_name) {
  golden_each("descriptors", broken_run, NULL);
}

static size_t broken_entries(const char *dir) {
  size_t count = 0;
  DIR *d = opendir(dir);
  CHECK(d != NULL);
  for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
    if (entry->d_name[0] != '.') count++;
  }
  closedir(d);
  return count;
}

TEST(broken, every_set_has_its_case) {
  CHECK(broken_entries("descriptors/broken") > 0);
  CHECK_INT(broken_entries("descriptors/broken"), broken_entries("tests/golden/descriptors"));
}
