/* main: the command line of `sluice` (DESIGN section 2).  command/ has what the commands do. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "command/command.h"

typedef struct main_command {
  gw_str name;
  const char *words; /* its arguments */
  const char *help;  /* what it does; a line break goes on in the same column */
  gw_command_fn *run;
} main_command;

#define MAIN_HELP_COLUMN 35

static const main_command commands[] = {
  { GW_STR_INIT("serve"), "CONFIG [--allow-breaking]",
    "run the gateway; SIGHUP reloads, SIGTERM drains and stops;\n"
    "a reload that breaks clients is refused unless it is allowed",
    gw_command_serve },
  { GW_STR_INIT("check"), "CONFIG",
    "load all that serve would, report every error, print the routes", gw_command_check },
  { GW_STR_INIT("routes"), "CONFIG [--json]", "print the route table", gw_command_routes },
  { GW_STR_INIT("explain"), "CONFIG 'GET /path?x=1' [--body FILE]",
    "tell what the gateway would do with a request; calls nobody", gw_command_explain },
  { GW_STR_INIT("init"), "DESCRIPTORS...", "write a starter configuration: a route for each method",
    gw_command_init },
  { GW_STR_INIT("compat"), "OLD.pb NEW.pb",
    "list what new descriptors break for the clients of old ones", gw_command_compat },
  { GW_STR_INIT("status"), "[--admin ADDRESS] [--watch] [--json]",
    "a running gateway's routes: stage, traffic of both sides, parity", gw_command_status },
  { GW_STR_INIT("stage"), "ROUTE STAGE [SHARE] [--admin ADDRESS] [--token-file FILE] [--why TEXT]",
    "move a running route, with its group, to a stage", gw_command_stage },
  { GW_STR_INIT("suggest"), "ROUTE [--admin ADDRESS]",
    "print the options that would remove a route's differences", gw_command_suggest },
  { GW_STR_INIT("demo"), "[--once]", "a gRPC service, a gateway before it, and curl's real answers",
    gw_command_demo },
};

/* One command: its words, and behind them or, when they are long, below them what it does. */
static void main_print_command(FILE *to, const main_command *command) {
  int n = fprintf(to, "  " GW_STR_FMT " %s", GW_STR_ARG(command->name), command->words);
  if (n >= MAIN_HELP_COLUMN - 1) n = fprintf(to, "\n") - 1;
  for (gw_str rest = gw_str_of(command->help); rest.n > 0; n = 0) {
    gw_str line = gw_str_cut(&rest, '\n');
    fprintf(to, "%*s" GW_STR_FMT "\n", MAIN_HELP_COLUMN - n, "", GW_STR_ARG(line));
  }
}

static void main_print_usage(FILE *to) {
  fputs("usage: sluice COMMAND [ARGUMENTS]\n\n", to);
  for (size_t i = 0; i < GW_COUNT_OF(commands); i++)
    main_print_command(to, &commands[i]);
  fputs("\n  --help, --version\n\n"
        "Exit status: 0 success, 1 a finding (bad configuration, no route, "
        "a breaking\nchange), 2 wrong usage.\n",
        to);
}

static int main_misused(const char *text, const char *word) {
  int status = gw_command_misused(text, word);
  main_print_usage(stderr);
  return status;
}

static int main_unknown(const char *word) {
  gw_str names[GW_COUNT_OF(commands)];
  char text[64];
  for (size_t i = 0; i < GW_COUNT_OF(commands); i++)
    names[i] = commands[i].name;
  const gw_str *near = gw_str_nearest(gw_str_of(word), names, GW_COUNT_OF(names));
  if (near == NULL) return main_misused("unknown command", word);
  snprintf(text, sizeof text, "unknown command (did you mean \"" GW_STR_FMT "\"?)",
           GW_STR_ARG(*near));
  return main_misused(text, word);
}

static bool main_asks_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Wherever it stands: whoever asks for help wants nothing done. */
static bool main_words_ask_help(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (main_asks_help(argv[i])) return true;
  }
  return false;
}

static int main_run_command(const main_command *command, int argc, char **argv) {
  if (main_words_ask_help(argc, argv)) {
    puts("usage: sluice");
    main_print_command(stdout, command);
    return GW_EXIT_OK;
  }
  int status = command->run(argc, argv);
  if (status == GW_EXIT_USAGE) {
    fputs("usage: sluice\n", stderr);
    main_print_command(stderr, command);
  }
  return status;
}

static int main_run(int argc, char **argv) {
  if (argc < 2) return main_misused("no command", NULL);
  if (main_asks_help(argv[1]) || strcmp(argv[1], "help") == 0) {
    main_print_usage(stdout);
    return GW_EXIT_OK;
  }
  if (strcmp(argv[1], "--version") == 0) {
    puts("sluice " GW_VERSION);
    return GW_EXIT_OK;
  }
  for (size_t i = 0; i < GW_COUNT_OF(commands); i++) {
    if (gw_str_eq(commands[i].name, gw_str_of(argv[1])))
      return main_run_command(&commands[i], argc - 1, argv + 1);
  }
  return main_unknown(argv[1]);
}

/* Some supervisors start programs with these closed: a socket that took such a number would be
 * written to as if it were the log, and libuv refuses to close it. */
static void main_fill_standard_streams(void) {
  int fd;
  do
    fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
}

int main(int argc, char **argv) {
  main_fill_standard_streams();
  int status = main_run(argc, argv);
  if (fflush(stdout) != 0 && status == GW_EXIT_OK) status = GW_EXIT_FINDING;
  return status;
}
