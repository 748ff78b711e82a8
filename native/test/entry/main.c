// Tests of the entry against real processes; as root, in small trees of their own.
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../../src/agent.h"
#include "../../src/privilege.h"
#include "harness.h"
#include "tests.h"

int main(int count, char **arguments) {
  int status = 0;
  if (agent_main(count, arguments, &status)) return status;
  if (count > 2 && strcmp(arguments[1], "payload") == 0) return run_payload(count - 2, arguments + 2);
  signal(SIGPIPE, SIG_IGN);
  struct privilege privilege = {0};
  struct err err;
  if (count > 1 || geteuid() == 0) {
    if (privilege_prepare(arguments, &privilege, &err) < 0 ||
        (privilege.user_namespace != 0 && user_namespace_enter(privilege.user_namespace, &err) < 0)) {
      fprintf(stderr, "%s: %s\n", err.step, err.message);
      return 2;
    }
  }
  if (count > 1) return run_helper_role(arguments[1], count, arguments, &privilege);
  if (geteuid() != 0) {
    begin("the entry");
    skip("needs root");
    return finish_tests();
  }
  // Mounts of other programs come and go: a mount namespace of this test's own is the host that it watches.
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
    perror("a mount namespace for the tests");
    return 2;
  }
  test_processes();
  test_users();
  test_isolation();
  test_hostile_trees();
  test_life();
  test_kinds();
  test_without_root();
  return finish_tests();
}
