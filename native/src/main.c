// The helper: serves the trees of a host to one controller, over stdin and stdout. See native/PROTOCOL.md.
#include <unistd.h>

#include "router.h"

int main(void) {
  return router_run(STDIN_FILENO, STDOUT_FILENO);
}
