// The helper without the copy of itself that it runs from: what memcheck cannot follow it into. It enters no tree.
#include <unistd.h>

#include "router.h"

int main(void) {
  struct privilege privilege = {0};
  return router_run(STDIN_FILENO, STDOUT_FILENO, &privilege);
}
