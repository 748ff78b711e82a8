// The entry of a helper that was started without root.
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "life.h"
#include "tests.h"

// What the role tells when a user without rights starts it.
static char *without_root(const char *program, const char *kind, const char *path) {
  char *command = NULL;
  if (asprintf(&command, "cd / && exec setpriv --reuid=1000 --regid=1000 --clear-groups %s tell %s %s", program, kind,
               path) < 0)
    exit(2);
  int ends[2];
  if (pipe(ends) < 0) exit(2);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  free(command);
  return all_of(fdopen(ends[0], "r"), pid);
}

void test_without_root(void) {
  const char *tree = make_tree("rootless");
  run_tool("chown -R 1000:1000 \"$1\"", tree);
  const char *binary = make_directory("binary");
  copy_self(binary, "/entry-test");
  begin("without root and without subordinate ids the caller is root of the tree, and another user is refused with the "
        "reason");
  char program[256];
  snprintf(program, sizeof program, "%s/entry-test", binary);
  char *says = without_root(program, "2", tree);
  CHECK(strstr(says, "features 10 of 1 users and 1 groups: /etc/subuid has no line for ") != NULL &&
            strstr(says, "\nid 0 0\nnull 1:3\ncrun-agent\n") != NULL, "%s", says);
  CHECK(strstr(says, "sys-ro\nnodev\nmade 0\n") != NULL, "%s", says);
  CHECK(strstr(says, "failed 3 user 1000 is out of reach") != NULL && strstr(says, "user 1000\n") == NULL, "%s", says);
  CHECK(strstr(says, "/dev/pts/0") != NULL, "%s", says);
  free(says);
  begin("as root of a user namespace that another program made, the same");
  char nested[320];
  snprintf(nested, sizeof nested, "unshare -Ur %s", program);
  says = without_root(nested, "2", tree);
  CHECK(strstr(says, "id 0 0\nnull 1:3\ncrun-agent\n") != NULL && strstr(says, "failed 3 ") != NULL, "%s", says);
  free(says);
  begin("with subordinate ids the tree's users can be had");
  if (access("/usr/bin/newuidmap", X_OK) < 0) {
    skip("newuidmap is not installed (uidmap)");
    return;
  }
  write_file(binary, "/subuid", "1000:200000:65536\n");
  // newuidmap asks for the caller's name, and not every machine has a user 1000.
  write_file(binary, "/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/:/bin/sh\n");
  pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS) < 0) _exit(1);
    run_tool("mount --make-rprivate / && touch /etc/subuid /etc/subgid && mount --bind \"$1/subuid\" /etc/subuid && "
             "mount --bind \"$1/subuid\" /etc/subgid && mount --bind \"$1/passwd\" /etc/passwd",
             binary);
    // The tree's files are the caller's, so its home is not the user's: only ids are told.
    says = without_root(program, "2", tree);
    bool is_right = strstr(says, "features 14 of 65537 users and 65537 groups\nid 0 0\n") != NULL && strstr(says, "user 1000\nnumber 1000\n") != NULL;
    if (!is_right) fprintf(stderr, "with subordinate ids: %s", says);
    _exit(is_right ? 0 : 1);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  CHECK(status == 0, "see above");
}
