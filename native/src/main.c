// The helper: serves the trees of a host to one controller, over stdin and stdout. See native/PROTOCOL.md.
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "ask_terminal.h"
#include "fatal.h"
#include "print.h"
#include "privilege.h"
#include "report.h"
#include "router.h"

int main(int count, char **arguments) {
  int exit_status;
  if (agent_main(count, arguments, &exit_status)) return exit_status;
  if (ask_terminal_main(count, arguments, &exit_status)) return exit_status;
  if (report_main(count, arguments, &exit_status)) return exit_status;
  struct privilege privilege;
  struct err err;
  if (privilege_prepare(arguments, &privilege, &err) != 0) {
    print_to(STDERR_FILENO, "crun-helper: %s: %s: %s\n", err.step, strerror(err.errno_), err.message);
    return EXIT_BROKEN;
  }
  return router_run(STDIN_FILENO, STDOUT_FILENO, &privilege);
}
