/* log: JSON lines on standard error.
 * Any thread builds a line in a buffer of its own and hands it over; a writer thread writes, so
 * that a blocked terminal or pipe never stops a worker.  Lines that find the queue full (1 MiB) are
 * dropped and counted.  Lines of one thread keep their order. */
#pragma once

#include "base/buf.h"

typedef enum gw_log_level { GW_LOG_DEBUG, GW_LOG_INFO, GW_LOG_WARN, GW_LOG_ERROR } gw_log_level;

/* Starts the writer thread.  Before it and after done, lines are written directly. */
GW_CHECKED gw_code gw_log_start(void);
void gw_log_done(void); /* writes what is queued, if it takes no longer than a second */
void gw_log_level_set(gw_log_level level);
bool gw_log_level_parse(gw_str text, gw_log_level *out); /* "debug", "info", "warn", "error" */

/* One event: {"time":...,"level":...,"event":event,"text":...}. */
void gw_log(gw_log_level level, const char *event, const char *format, ...) GW_PRINTF(3, 4);

typedef struct gw_log_field {
  const char *key;
  gw_str value;
} gw_log_field;

/* The same with fields behind the text: {...,"text":...,"key":"value"}. */
void gw_log_fields(gw_log_level level, const char *event, const gw_log_field *fields, size_t count,
                   const char *format, ...) GW_PRINTF(5, 6);

/* Complete lines, each with its newline: access lines gathered by a worker. */
void gw_log_write(gw_str lines);
uint64_t gw_log_dropped(void);

/* Appends {"time":"2026-01-02T03:04:05.678Z"; the caller goes on with ,"key":value...} */
GW_CHECKED gw_code gw_log_open(gw_buf *line, uint64_t wall_ms);

uint64_t gw_clock_wall_ms(void); /* since 1970 */
uint64_t gw_clock_us(void);      /* monotonic */
