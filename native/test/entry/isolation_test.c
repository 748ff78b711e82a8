// What a process sees, what it does not, and that the tree and the host stay as they were.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "tests.h"

static struct entry *entry;
static const char *tree;

static char *read_text(const char *path) {
  char *text = calloc(1, 262144);
  int fd = open(path, O_RDONLY);
  ssize_t got = fd < 0 ? -1 : 0, all = 0;
  while (got >= 0 && (got = read(fd, text + all, 262143 - (size_t)all)) > 0) all += got;
  if (fd >= 0) close(fd);
  return text;
}

static void namespaces(void) {
  begin("a process is alone: its PID 1 is crun's, no process of the host is seen, namespaces are its own but for the "
        "network");
  struct result result = run_shell(entry, NULL, "cat /proc/1/comm; ls /proc | grep -c '^[0-9]*$'");
  CHECK(strncmp(result.out, "crun-agent\n", 11) == 0, "PID 1 is %s", result.out);
  CHECK(atoi(result.out + 11) <= 6, "%s processes are seen", result.out + 11);
  forget(&result);
  static const struct {
    const char *name;
    bool is_own;
  } kinds[] = {{"mnt", true},    {"pid", true},  {"ipc", true},  {"uts", true},
               {"cgroup", true}, {"net", false}, {"user", false}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    char path[64], host[64] = "", script[96];
    snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i].name);
    snprintf(script, sizeof script, "readlink %s", path);
    if (readlink(path, host, sizeof host - 1) < 0) continue;
    result = run_shell(entry, NULL, script);
    result.out[strcspn(result.out, "\n")] = '\0';
    CHECK((strcmp(result.out, host) != 0) == kinds[i].is_own && result.out[0] != '\0', "%s: %s here, %s on the host",
          kinds[i].name, result.out, host);
    forget(&result);
  }
}

static void helper_is_out_of_reach(void) {
  begin(
      "a root process of the tree reaches neither the program nor the files of crun's processes in it (CVE-2019-5736)");
  struct result result = run_shell(
      entry, NULL,
      "for p in 1 $PPID; do cat /proc/$p/exe; for f in 0 3 4 5 8; do readlink /proc/$p/fd/$f; cat /proc/$p/fd/$f; "
      "done; ls /proc/$p/root/; readlink /proc/$p/cwd; cat /proc/$p/mem; done; kill -9 1; kill -TERM 1; echo $?");
  CHECK_TEXT(result.out, "0\n");
  CHECK(strstr(result.err_text, "/proc/1/exe") != NULL, "no refusal: %s", result.err_text);
  forget(&result);
  result = run_program(entry, NULL, "/bin/payload", "payload", "handle", NULL);
  CHECK_TEXT(result.out, "Operation not permitted\n");
  forget(&result);
}

static void masks(void) {
  begin("proc and sysfs give no way to the host: hidden files are empty, kernel settings read-only");
  static const char *const hidden[] = {"kcore",       "keys",        "key-users",  "kmsg",    "timer_list",
                                       "sched_debug", "vmallocinfo", "kpageflags", "slabinfo"};
  int seen = 0;
  for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
    char path[64], script[192];
    snprintf(path, sizeof path, "/proc/%s", hidden[i]);
    if (access(path, F_OK) < 0) continue;
    seen++;
    snprintf(script, sizeof script, "cat %s; stat -c '%%t:%%T' %s", path, path);
    struct result result = run_shell(entry, NULL, script);
    CHECK(strcmp(result.out, "1:3\n") == 0, "%s: %.80s %s", path, result.out, result.err_text);
    forget(&result);
  }
  CHECK(seen >= 3, "only %d of them exist on this kernel", seen);
  static const char *const written[] = {"/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches",
                                        "/proc/sysrq-trigger",       "/sys/kernel/mm/ksm/run",
                                        "/sys/kernel/uevent_helper", "/proc/irq/default_smp_affinity"};
  for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
    char script[128];
    if (access(written[i], F_OK) < 0) continue;
    snprintf(script, sizeof script, "echo 0 > %s", written[i]);
    struct result result = run_shell(entry, NULL, script);
    CHECK(result.status.value != 0 && strstr(result.err_text, "Read-only") != NULL, "%s: %s", written[i],
          result.err_text);
    forget(&result);
  }
}

static void devices(void) {
  begin("/dev holds the six devices and nothing else opens, nor do changes to them reach the host");
  struct stat before, after;
  stat("/dev/null", &before);
  struct result result = run_shell(entry, NULL,
                                   "cd /dev; stat -c '%n %t:%T %a' null zero full random urandom tty; readlink ptmx; "
                                   "readlink fd; chmod 600 null; chown 5 zero; "
                                   "mknod evil c 1 3; echo x > evil; mknod /evil c 1 3; echo x > /evil; mknod "
                                   "/tmp/evil c 1 3; echo x > /tmp/evil; rm -f /evil /tmp/evil");
  CHECK_TEXT(result.out, "null 1:3 666\nzero 1:5 666\nfull 1:7 666\nrandom 1:8 666\nurandom 1:9 666\ntty 5:0 "
                         "666\npts/ptmx\n/proc/self/fd\n");
  size_t refused = 0;
  for (const char *at = strstr(result.err_text, "Permission denied"); at != NULL;
       at = strstr(at + 1, "Permission denied"))
    refused++;
  CHECK(refused == 3, "%zu of 3 nodes refused: %s", refused, result.err_text);
  forget(&result);
  stat("/dev/null", &after);
  CHECK(before.st_mode == after.st_mode && before.st_uid == after.st_uid, "the host's /dev/null has changed");
  result = run_shell(entry, NULL,
                     "chmod 666 /dev/null; echo x > /dev/shm/a; stat -c %a /dev/shm /run /run/lock; echo s | dd "
                     "of=/dev/full 2>&1 | grep -c 'No space'");
  CHECK_TEXT(result.out, "1777\n755\n1777\n1\n");
  forget(&result);
}

static void names_of_hosts(void) {
  begin("the tree's hostname and the host's resolv.conf are seen, and neither the tree nor the host changes");
  char host[128] = "", now[128] = "";
  gethostname(host, sizeof host);
  char *expected = read_text("/etc/resolv.conf");
  struct result result = run_shell(entry, NULL, "hostname; cat /etc/resolv.conf; echo x > /etc/resolv.conf");
  CHECK(strncmp(result.out, "the-tree\n", 9) == 0, "hostname %.20s", result.out);
  if (expected[0] != '\0') {
    CHECK_TEXT(result.out + 9, expected);
    CHECK(strstr(result.err_text, "Read-only") != NULL, "a write went somewhere: %s", result.err_text);
  }
  forget(&result);
  gethostname(now, sizeof now);
  CHECK_TEXT(now, host);
  static const struct {
    const char *name, *make;
    bool is_seen;
  } cases[] = {{"link-run", "rm etc/resolv.conf; ln -s ../run/systemd/resolve/stub-resolv.conf etc/resolv.conf", true},
               {"link-var-run",
                "rm etc/resolv.conf; ln -s /var/run/x/resolv.conf etc/resolv.conf; mkdir var; ln -s ../run var/run",
                true},
               {"link-file", "mv etc/resolv.conf etc/real.conf; ln -s real.conf etc/resolv.conf", true},
               {"link-nowhere", "rm etc/resolv.conf; ln -s /nowhere/resolv.conf etc/resolv.conf", false},
               {"link-out", "rm etc/resolv.conf; ln -s ../../../../../../run/../x etc/resolv.conf", false},
               {"absent", "rm etc/resolv.conf", false},
               {"fifo", "rm etc/resolv.conf; mkfifo etc/resolv.conf", false},
               {"directory", "rm etc/resolv.conf; mkdir etc/resolv.conf", false},
               {"no-etc", "rm -r etc", false},
               {"no-run", "rmdir run", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char script[256];
    const char *other = make_tree(cases[i].name);
    snprintf(script, sizeof script, "cd \"$1\" && { %s; }", cases[i].make);
    run_tool(script, other);
    char *before = snapshot_of(other);
    struct entry *fresh = open_entry(other, ENTRY_UNSHARE);
    result = run_shell(fresh, NULL, "test -f /etc/resolv.conf && cat /etc/resolv.conf");
    CHECK(result.is_started, "%s: %s", cases[i].name, result.err.message);
    CHECK((strcmp(result.out, expected) == 0) == (cases[i].is_seen && expected[0] != '\0'), "%s: \"%s\" %s",
          cases[i].name, result.out, result.err_text);
    forget(&result);
    entry_close(fresh);
    char *after = snapshot_of(other);
    CHECK(strcmp(before, after) == 0, "%s: the tree has changed:\n%s\n%s", cases[i].name, before, after);
    free(before);
    free(after);
  }
  free(expected);
}

static void nothing_is_left(void) {
  begin("a run leaves the tree, the host's mounts and its processes as they were");
  const char *other = make_tree("traces");
  char *before = snapshot_of(other), *mounts = read_text("/proc/self/mountinfo");
  struct entry *fresh = open_entry(other, ENTRY_UNSHARE);
  struct result result =
      run_shell(fresh, &(struct run){.user = "user"}, "echo y > /run/y; echo z > /dev/shm/z; id");
  CHECK(result.status.value == 0, "%s", result.err_text);
  forget(&result);
  char *during = read_text("/proc/self/mountinfo");
  CHECK_TEXT(during, mounts);
  entry_close(fresh);
  char *after = snapshot_of(other), *mounts_after = read_text("/proc/self/mountinfo");
  CHECK_TEXT(after, before);
  CHECK_TEXT(mounts_after, mounts);
  free(before), free(mounts), free(during), free(after), free(mounts_after);
}

static void bare_trees(void) {
  begin("a tree with nothing in it but a static program runs it, and gets no directory for it");
  const char *bare = make_directory("bare");
  copy_self(bare, "/program");
  char *before = snapshot_of(bare);
  struct entry *fresh = open_entry(bare, ENTRY_UNSHARE);
  struct result result = run_program(fresh, NULL, "/program", "payload", "exit", "7", NULL);
  CHECK(result.is_started && result.status.value == 7, "%s %s, value %u", result.err.step, result.err.message,
        result.status.value);
  forget(&result);
  struct exec_file file = {.name = "f", .mode = 0644};
  result = run_program(fresh, &(struct run){.files = &file, .file_count = 1}, "/program", "payload", "exit", "0", NULL);
  CHECK(!result.is_started && result.err.code == FAILURE_REFUSED, "files were laid somewhere");
  forget(&result);
  result = run_program(fresh, &(struct run){.flags = EXEC_PTY}, "/program", "payload", "exit", "0", NULL);
  CHECK(!result.is_started && strcmp(result.err.path, "/dev/ptmx") == 0, "a terminal without /dev");
  forget(&result);
  entry_close(fresh);
  char *after = snapshot_of(bare);
  CHECK_TEXT(after, before);
  free(before), free(after);
}

void test_isolation(void) {
  tree = make_tree("isolation");
  entry = open_entry(tree, ENTRY_UNSHARE);
  namespaces();
  helper_is_out_of_reach();
  masks();
  devices();
  names_of_hosts();
  nothing_is_left();
  bare_trees();
  entry_close(entry);
}

void test_hostile_trees(void) {
  begin("directories that are links lead crun's mounts nowhere: refused, or resolved within the tree (CVE-2025-31133, "
        "CVE-2019-16884)");
  const char *canary = make_directory("canary");
  write_file(canary, "/file", "untouched\n");
  char *before = snapshot_of(canary);
  static const char *const names[] = {"proc", "sys", "dev", "run", "tmp", "etc"};
  const char *const targets[] = {canary, "../canary", "/etc", "/", "..", "dev", "proc", "/proc/self/root", "/nowhere"};
  int count = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    for (size_t j = 0; j < sizeof targets / sizeof *targets; j++) {
      char name[32], script[512];
      snprintf(name, sizeof name, "hostile-%d", count++);
      const char *evil = make_directory(name);
      snprintf(script, sizeof script, "cd \"$1\" && mkdir proc sys dev run tmp etc bin && rmdir %s && ln -s '%s' %s",
               names[i], targets[j], names[i]);
      run_tool(script, evil);
      copy_self(evil, "/bin/payload");
      char *tree_before = snapshot_of(evil);
      struct entry *fresh = open_entry(evil, ENTRY_UNSHARE);
      struct result result = run_program(fresh, NULL, "/bin/payload", "payload", "exit", "3", NULL);
      bool must_refuse = i < 3;
      CHECK(result.is_started == !must_refuse, "%s -> %s: %s (%s)", names[i], targets[j],
            result.is_started ? "entered" : "refused", result.err.message);
      if (must_refuse)
        CHECK(result.err.code == FAILURE_ENTRY && strstr(result.err.message, "is a link") != NULL, "%s",
              result.err.message);
      else CHECK(result.status.value == 3, "value %u", result.status.value);
      forget(&result);
      entry_close(fresh);
      char *tree_after = snapshot_of(evil);
      CHECK_TEXT(tree_after, tree_before);
      free(tree_before), free(tree_after);
      remove_all(evil);
    }
  }
  char *after = snapshot_of(canary);
  CHECK_TEXT(after, before);
  free(before), free(after);
  begin("a hostname file of any kind delays or breaks nothing");
  static const char *const hostnames[] = {"mkfifo etc/hostname",
                                          "mkdir etc/hostname",
                                          "ln -s /dev/zero etc/hostname",
                                          "truncate -s 10G etc/hostname",
                                          "printf '\\033[31m\\n' > etc/hostname",
                                          "head -c 3000 /dev/zero | tr '\\0' a > etc/hostname",
                                          "ln -s hostname etc/hostname"};
  for (size_t i = 0; i < sizeof hostnames / sizeof *hostnames; i++) {
    char name[32], script[128];
    snprintf(name, sizeof name, "named-%zu", i);
    const char *evil = make_tree(name);
    snprintf(script, sizeof script, "cd \"$1\" && rm etc/hostname && %s", hostnames[i]);
    run_tool(script, evil);
    struct entry *fresh = open_entry(evil, ENTRY_UNSHARE);
    struct result result = run_shell(fresh, NULL, "hostname");
    result.out[strcspn(result.out, "\n")] = '\0';
    CHECK(result.out[0] != '\0' && strspn(result.out, "abcdefghijklmnopqrstuvwxyz0123456789-.[") == strlen(result.out),
          "%s: \"%s\" %s", hostnames[i], result.out, result.err.message);
    forget(&result);
    entry_close(fresh);
    remove_all(evil);
  }
}
