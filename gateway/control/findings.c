#include "control/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

#define FINDING_TEXT_MAX   640         /* bytes of one text; longer ones are cut */
#define FINDINGS_BYTES_MAX GW_KIB(512) /* of all findings together */

void gw_findings_init(gw_findings *findings) {
  *findings = (gw_findings){ 0 };
  gw_arena_init(&findings->arena, NULL, FINDINGS_BYTES_MAX);
}

void gw_findings_done(gw_findings *findings) {
  if (findings == NULL) return;
  gw_arena_done(&findings->arena);
  *findings = (gw_findings){ 0 };
}

static bool findings_reserve(gw_findings *findings) {
  if (findings->count < findings->capacity) return true;
  if (findings->count >= GW_FINDINGS_MAX) return false;
  size_t capacity = gw_size_min(findings->capacity * 2 + 8, GW_FINDINGS_MAX);
  gw_finding *items = gw_arena_grow(&findings->arena, findings->items,
                                    findings->capacity * sizeof *items, capacity * sizeof *items);
  if (items == NULL) return false;
  findings->items = items;
  findings->capacity = capacity;
  return true;
}

static void findings_add(gw_findings *findings, gw_place at, bool warning, const char *text) {
  if (!warning) findings->errors++;
  gw_finding item = { .line = at.line, .column = at.column, .warning = warning };
  if (findings_reserve(findings)) {
    item.file = gw_arena_copy(&findings->arena, at.file);
    item.text = gw_arena_copy(&findings->arena, gw_str_of(text));
  }
  if (item.file.p == NULL || item.text.p == NULL) {
    findings->lost++;
    return;
  }
  findings->items[findings->count++] = item;
}

void gw_findings_add(gw_findings *findings, gw_place at, const char *format, ...) {
  char text[FINDING_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  findings_add(findings, at, false, text);
}

void gw_findings_warn(gw_findings *findings, gw_place at, const char *format, ...) {
  char text[FINDING_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  findings_add(findings, at, true, text);
}

static int finding_order(const void *a, const void *b) {
  const gw_finding *left = a, *right = b;
  int order = gw_str_compare(left->file, right->file);
  if (order == 0) order = (left->line > right->line) - (left->line < right->line);
  if (order == 0) order = (left->column > right->column) - (left->column < right->column);
  return order != 0 ? order : gw_str_compare(left->text, right->text);
}

void gw_findings_sort(gw_findings *findings) {
  if (findings->count > 1)
    qsort(findings->items, findings->count, sizeof findings->items[0], finding_order);
}

static gw_code finding_print(const gw_finding *item, gw_buf *out) {
  const char *mark = item->warning ? "warning: " : "";
  return gw_buf_printf(out, GW_STR_FMT ":%u:%u: %s" GW_STR_FMT "\n", GW_STR_ARG(item->file),
                       item->line, item->column, mark, GW_STR_ARG(item->text));
}

gw_code gw_findings_print(const gw_findings *findings, gw_buf *out) {
  for (size_t i = 0; i < findings->count; i++) {
    gw_code code = finding_print(&findings->items[i], out);
    if (code != GW_OK) return code;
  }
  if (findings->lost == 0) return GW_OK;
  return gw_buf_printf(out, "%zu more findings are not shown\n", findings->lost);
}
