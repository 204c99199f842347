/* findings: the mistakes of one configuration, each with its place, bounded in number.
 * Owned by the caller; filled while a snapshot is built; sorted before they are handed out.
 * Main thread. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#define GW_FINDINGS_MAX 200 /* kept; a file with more is wrong as a whole */

/* Where something is written.  1:1 for the file as a whole.  Columns count characters, from 1. */
typedef struct gw_place {
  gw_str file;
  uint32_t line, column;
} gw_place;

/* One mistake: "FILE:LINE:COLUMN: text". */
typedef struct gw_finding {
  gw_str file;
  uint32_t line, column;
  bool warning; /* worth a look, but the configuration is accepted: "FILE:LINE:COLUMN: warning: " */
  gw_str text;
} gw_finding;

typedef struct gw_findings {
  gw_arena arena;
  gw_finding *items; /* sorted by file, line, column */
  size_t count;
  size_t capacity;
  size_t lost;   /* beyond what is kept */
  size_t errors; /* findings that are no warnings, lost ones too */
} gw_findings;

void gw_findings_init(gw_findings *findings);
void gw_findings_done(gw_findings *findings);

/* Copies everything.  Without memory the finding counts as lost: an error never disappears. */
void gw_findings_add(gw_findings *findings, gw_place at, const char *format, ...) GW_PRINTF(3, 4);
void gw_findings_warn(gw_findings *findings, gw_place at, const char *format, ...) GW_PRINTF(3, 4);
void gw_findings_sort(gw_findings *findings);

/* One line each, "FILE:LINE:COLUMN: text\n". */
GW_CHECKED gw_code gw_findings_print(const gw_findings *findings, gw_buf *out);
