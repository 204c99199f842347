/* command: what the commands of `sluice` share (DESIGN section 2); main.c has their table.
 * A command gets its own words: argv[0] is its name.  It returns the program's exit status, prints
 * what was asked for on standard output and errors on standard error.  Main thread. */
#pragma once

#include "control/snapshot.h"

enum {
  GW_EXIT_OK = 0,
  GW_EXIT_FINDING = 1, /* bad configuration, no route, breaking change */
  GW_EXIT_USAGE = 2    /* gw_command_misused() was called: main prints how the command is used */
};

#define GW_COMMAND_OUT_BYTES_MAX GW_MIB(64) /* of what one command prints or reads */

#define GW_COMMAND_SETS_BYTES_MAX GW_MIB(512) /* of all descriptor sets that are read at once */

typedef int gw_command_fn(int argc, char **argv);

gw_command_fn gw_command_serve;
gw_command_fn gw_command_check;
gw_command_fn gw_command_routes;
gw_command_fn gw_command_explain;
gw_command_fn gw_command_init;
gw_command_fn gw_command_compat;
gw_command_fn gw_command_status;
gw_command_fn gw_command_stage;
gw_command_fn gw_command_suggest;
gw_command_fn gw_command_demo;

/* Says what is wrong with the words; `word` (may be NULL) is the one meant.  GW_EXIT_USAGE. */
int gw_command_misused(const char *text, const char *word);

/* Whether the word is an option, "--x", not a file. */
bool gw_command_is_option(const char *word);

/* Prints findings on standard error. */
void gw_command_show(const gw_findings *findings);

/* The snapshot of a configuration, owned by the caller, its findings on standard error; NULL: every
 * mistake was printed. */
gw_snapshot *gw_command_open(const char *path);

/* The pool of `count` descriptor sets, owned by the caller.  False: every mistake was printed as
 * "FILE: message". */
bool gw_command_open_sets(char *const *paths, size_t count, gw_pool **out);
