#include "demo/demo.h"

#include "command/command.h"

int gw_command_demo(int argc, char **argv) {
  bool once = argc == 2 && strcmp(argv[1], "--once") == 0;
  if (argc > 1 && !once) return gw_command_misused("demo takes at most --once", NULL);
  return gw_demo_main(once);
}
