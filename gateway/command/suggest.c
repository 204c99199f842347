/* suggest: the options that would remove the differences of a route, as a fragment of YAML. */
#include <stdio.h>

#include "command/client.h"
#include "command/command.h"
#include "control/values.h"

static int suggest_show(const char *route, const char *address) {
  char path[256];
  gw_buf out;
  snprintf(path, sizeof path, "/routes/%s/suggest?format=yaml", route);
  gw_client_request request = { .address = address, .method = "GET", .path = gw_str_of(path) };
  gw_buf_init(&out, NULL, GW_CLIENT_ANSWER_MAX);
  int exit_code = gw_client_run(&request, route, &out);
  if (exit_code == GW_EXIT_OK && out.n > 0) fwrite(out.p, 1, out.n, stdout);
  gw_buf_done(&out);
  return exit_code;
}

int gw_command_suggest(int argc, char **argv) {
  const char *address = GW_CLIENT_ADDRESS;
  if (argc == 4 && strcmp(argv[2], "--admin") == 0)
    address = argv[3];
  else if (argc != 2)
    return gw_command_misused("suggest takes ROUTE and perhaps --admin ADDRESS", NULL);
  if (!gw_value_is_name(gw_str_of(argv[1])))
    return gw_command_misused("that is no route's name", argv[1]);
  return suggest_show(argv[1], address);
}
