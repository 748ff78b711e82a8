// The helper: serves the trees of a host to one controller, over stdin and stdout. See native/PROTOCOL.md.
#include <unistd.h>

#include "agent.h"
#include "router.h"

int main(int count, char **arguments) {
  int exit_status;
  if (agent_main(count, arguments, &exit_status)) return exit_status;
  return router_run(STDIN_FILENO, STDOUT_FILENO);
}
