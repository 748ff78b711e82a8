// The other ways in: chroot, systemd-nspawn, running machines, the host, old kernels.
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../src/privilege.h"
#include "harness.h"
#include "life.h"
#include "tests.h"

static void chroot_entry(void) {
  begin("chroot: the host's devices and all capabilities, but processes, mounts and /run of its own");
  const char *tree = make_tree("chroot");
  char *before = snapshot_of(tree);
  struct entry *entry = open_entry(tree, ENTRY_CHROOT);
  struct result result = run_shell(
      entry, NULL,
      "cat /proc/1/comm; grep CapEff /proc/self/status; ls /proc | grep -c '^[0-9]*$'; stat -c %a /run; hostname");
  char host[65] = "";
  gethostname(host, sizeof host);
  CHECK(strncmp(result.out, "crun-agent\n", 11) == 0, "%s", result.out);
  CHECK(strstr(result.out, "00000000a80405fb") == NULL, "cut");
  CHECK(strstr(result.out, host) != NULL, "hostname is not the host's: %s", result.out);
  forget(&result);
  // F_SEAL_SEAL | SHRINK | GROW | WRITE: even all capabilities cannot change crun's program.
  result = run_program(entry, NULL, "/bin/payload", "payload", "seals", "/proc/1/exe", NULL);
  CHECK_TEXT(result.out, "15\n");
  forget(&result);
  result = run_shell(entry, &(struct run){.user = "user"},
                     "id -u; grep -c 'Cap...:.0000000000000000' /proc/self/status; umount /proc");
  CHECK_TEXT(result.out, "1000\n5\n");
  forget(&result);
  result = run_shell(entry, NULL, "mount -t tmpfs x /root && touch /root/x && ls /root");
  CHECK_TEXT(result.out, "x\n");
  forget(&result);
  entry_close(entry);
  char *after = snapshot_of(tree);
  CHECK_TEXT(after, before);
  free(before), free(after);
}

static bool has_nspawn(void) {
  return access("/usr/bin/systemd-nspawn", X_OK) == 0;
}

static const char *make_nspawn_tree(const char *name) {
  const char *tree = make_tree(name);
  // systemd-nspawn wants a system's look, and would make what is missing.
  run_tool("cd \"$1\" && mkdir -p usr var lib sbin && touch etc/os-release", tree);
  return tree;
}

static void nspawn_entry(void) {
  begin("nspawn: through systemd-nspawn with its own rules, settings shipped beside the tree ignored");
  if (!has_nspawn()) return skip("systemd-nspawn is not installed");
  const char *tree = make_nspawn_tree("nspawn");
  char settings[512];
  snprintf(settings, sizeof settings,
           "printf '[Files]\\nBind=/etc:/root\\n[Exec]\\nCapability=all\\n' > \"$1.nspawn\"");
  run_tool(settings, tree);
  char *before = snapshot_of(tree);
  struct entry *entry = open_entry(tree, ENTRY_NSPAWN);
  struct result result = run_shell(entry, NULL, "cat /proc/1/comm; ls /root; exit 5");
  CHECK(result.is_started && result.status.value == 5, "%s", result.err.message);
  CHECK_TEXT(result.out, "crun-agent\n");
  forget(&result);
  struct exec_file file = {
      .name = "s", .mode = 0755, .content = {.bytes = {(const uint8_t *)"#!/bin/sh\necho $0\n", 18}}};
  result = run_program(entry, &(struct run){.files = &file, .file_count = 1, .user = "user"}, "@files@/s", NULL);
  CHECK_TEXT(result.out, "/run/crun/s\n");
  forget(&result);
  entry_close(entry);
  check_killed_worker(ENTRY_NSPAWN, tree, true);
  char *after = snapshot_of(tree);
  CHECK_TEXT(after, before);
  free(before), free(after);
  run_tool("ls /run/crun-agent.* 2>/dev/null && exit 1 || rm \"$1.nspawn\"", tree);
}

static pid_t boot(const char *tree, const char *extra, pid_t *nspawn) {
  *nspawn = fork();
  if (*nspawn == 0) {
    char directory[512];
    snprintf(directory, sizeof directory, "--directory=%s", tree);
    int nothing = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++) dup2(nothing, fd);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    execlp("systemd-nspawn", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--settings=no",
           "--private-network", directory, extra, "/bin/sleep", "733", (char *)NULL);
    _exit(127);
  }
  for (int tries = 0; tries < 500; tries++) {
    pid_t leader = host_pid_of("/bin/sleep 733", tree, 0);
    if (leader > 0) return leader;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  }
  return 0;
}

static void machine_entry(void) {
  begin("machine: a running machine is found and joined with its namespaces, ids and capabilities");
  if (!has_nspawn()) return skip("systemd-nspawn is not installed");
  static const char *const kinds[] = {"--capability=CAP_SYS_PTRACE", "--private-users=1048576:65536"};
  for (int i = 0; i < 2; i++) {
    const char *tree = make_nspawn_tree(i == 0 ? "machine" : "private");
    if (i == 1)
      run_tool("cd \"$1\" && find . -uid 0 -exec chown -h 1048576:1048576 {} + && find . -uid 1000 -exec chown -h "
               "1049576:1049576 {} +",
               tree);
    pid_t nspawn = -1, leader = boot(tree, kinds[i], &nspawn);
    if (!CHECK(leader > 0, "no machine was started")) continue;
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    struct entry *entry = open_entry(tree, ENTRY_AUTO);
    struct machine_info info;
    struct err err;
    CHECK(entry_machine(entry, &info, &err) == 0 && info.is_running && info.leader == (uint32_t)leader,
          "found %u, not %d", info.leader, leader);
    CHECK_TEXT(info.init, "sleep");
    CHECK(info.uid_shift == (i == 0 ? 0u : 1048576u) && info.has_private_users == (i == 1), "shift %u", info.uid_shift);
    struct entry_config config = {.root_fd = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC),
                                  .root_path = tree,
                                  .tree_name = "x",
                                  .kind = ENTRY_MACHINE};
    int view = -1;
    struct ids ids;
    struct stat on_disk, in_machine;
    CHECK(entry_machine_root(&config, &view, &ids, &err) == 0 && view >= 0, "no root of the machine");
    CHECK(fstatat(config.root_fd, "tmp", &on_disk, 0) == 0 && fstatat(view, "tmp", &in_machine, 0) == 0 &&
              on_disk.st_dev != in_machine.st_dev,
          "the machine's own /tmp is not seen through its root");
    close(view);
    // With auto only what machined has registered, in the form of its own files.
    config.kind = ENTRY_AUTO;
    CHECK(entry_machine_root(&config, &view, &ids, &err) == 0 && view < 0, "an unregistered machine was looked for");
    char registered[256];
    snprintf(registered, sizeof registered,
             "mkdir -p /run/systemd && mount -t tmpfs x /run/systemd && mkdir /run/systemd/machines && "
             "printf '# private\\nNAME=m1\\nROOT=%%s\\nLEADER=%d\\n' \"$1\" > /run/systemd/machines/m1", leader);
    run_tool(registered, tree);
    CHECK(entry_machine_root(&config, &view, &ids, &err) == 0 && view >= 0, "a registered machine was not found");
    CHECK(entry_machine(entry, &info, &err) == 0 && strcmp(info.name, "m1") == 0, "its name is %s", info.name);
    run_tool("umount /run/systemd", tree);
    close(view);
    close(config.root_fd);
    struct result result =
        run_shell(entry, NULL,
                  "tr '\\0' ' ' < /proc/1/cmdline; echo; id -u; for n in mnt pid ipc uts net cgroup user; do "
                  "test $(readlink /proc/1/ns/$n) = $(readlink /proc/self/ns/$n) || echo $n differs; done");
    CHECK(strncmp(result.out, "/bin/sleep 733 \n0\n", 18) == 0 && strstr(result.out, "differs") == NULL, "%s %s",
          result.out, result.err.message);
    forget(&result);
    result = run_shell(
        entry, NULL,
        "grep CapBnd /proc/1/status | tail -n 1; grep CapBnd /proc/self/status; grep CapEff /proc/self/status");
    char first[64], second[64], third[64];
    CHECK(sscanf(result.out, "CapBnd:\t%63s\nCapBnd:\t%63s\nCapEff:\t%63s", first, second, third) == 3 &&
              strcmp(first, second) == 0 && strcmp(first, third) == 0,
          "capabilities: %s", result.out);
    forget(&result);
    result = run_shell(entry, &(struct run){.user = "user"}, "id -u; touch ~/x && stat -c %u ~/x; rm ~/x");
    CHECK_TEXT(result.out, "1000\n1000\n");
    forget(&result);
    struct exec_file file = {
        .name = "s", .mode = 0755, .content = {.bytes = {(const uint8_t *)"#!/bin/sh\necho ran; ls -d $0\n", 29}}};
    result = run_program(entry, &(struct run){.files = &file, .file_count = 1}, "@files@/s", NULL);
    CHECK(strncmp(result.out, "ran\n/run/crun.", 14) == 0, "%s %s", result.out, result.err.message);
    forget(&result);
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    result = run_shell(entry, NULL, "ls /run | grep -c crun");
    CHECK_TEXT(result.out, "0\n");
    forget(&result);
    result = run_shell(entry, &(struct run){.flags = EXEC_PTY}, "tty");
    CHECK(strncmp(result.out, "/dev/pts/", 9) == 0, "%s %s", result.out, result.err.message);
    forget(&result);
    result = run_shell(entry, &(struct run){.flags = EXEC_KILL_LEFTOVERS},
                       "/bin/payload payload daemon >/dev/null; echo done");
    CHECK(host_pid_of("/bin/payload payload daemon", tree, 0) == 0, "a leftover lives");
    forget(&result);
    check_killed_worker(ENTRY_MACHINE, tree, false);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    result = run_shell(entry, NULL,
                       "ls /run | grep -c crun; kill -9 $(ps | grep 'payload daemo[n]' | awk '{print $1}') "
                       "2>/dev/null; /bin/busybox pkill -9 payload; true");
    CHECK_TEXT(result.out, "0\n");
    forget(&result);
    kill(leader, SIGKILL);
    waitpid(nspawn, NULL, 0);
    CHECK(ends_within(leader, 15000), "the machine lives");
    result = run_shell(entry, NULL, "cat /proc/1/comm");
    if (i == 0) CHECK_TEXT(result.out, "crun-agent\n");
    forget(&result);
    entry_close(entry);
    entry = open_entry(tree, ENTRY_MACHINE);
    result = run_shell(entry, NULL, "true");
    CHECK(!result.is_started && result.err.code == FAILURE_ENTRY, "joined nothing");
    forget(&result);
    entry_close(entry);
  }
}

static void host_entry(void) {
  begin("host: processes run on the host as they are, and what they started lives on");
  struct entry *entry = open_entry("/", ENTRY_AUTO);
  char self[64] = "", script[256];
  if (readlink("/proc/self/ns/mnt", self, sizeof self - 1) < 0) return;
  snprintf(script, sizeof script,
           "test \"$(readlink /proc/self/ns/mnt)\" = '%s' && echo same; pwd; ps -o comm= -p 1 >/dev/null; exit 4",
           self);
  struct result result =
      run_shell(entry, &(struct run){.environment = (const char *const[]){"PATH=/usr/bin:/bin", NULL}}, script);
  CHECK(result.status.value == 4, "value %u", result.status.value);
  CHECK_TEXT(result.out, "same\n/\n");
  forget(&result);
  struct exec_file file = {
      .name = "s",
      .mode = 0755,
      .content = {
          .bytes = {(const uint8_t *)"#!/bin/sh\nsetsid sleep 744 >/dev/null 2>&1 </dev/null & echo $0\n", 65}}};
  result = run_program(
      entry,
      &(struct run){.files = &file, .file_count = 1, .environment = (const char *const[]){"PATH=/usr/bin:/bin", NULL}},
      "@files@/s", NULL);
  CHECK(strncmp(result.out, "/run/crun.", 10) == 0, "%s", result.out);
  result.out[strcspn(result.out, "\n")] = '\0';
  entry_close(entry);
  CHECK(access(result.out, F_OK) < 0, "%s is left", result.out);
  forget(&result);
  pid_t daemon = 0;
  for (int tries = 0; tries < 100 && (daemon = host_pid_of("sleep 744", "/", 0)) == 0; tries++)
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  CHECK(daemon > 0, "the daemon was killed");
  if (daemon > 0) kill(daemon, SIGKILL);
}

// A kernel of before 5.2, as far as crun can tell.
static int pretend_old_kernel(void) {
  static const int missing[] = {SYS_open_tree,     SYS_move_mount, SYS_fsopen,      SYS_fsmount,   SYS_fsconfig,
                                SYS_mount_setattr, SYS_openat2,    SYS_close_range, SYS_pidfd_open};
  enum { COUNT = sizeof missing / sizeof *missing };
  struct sock_filter filter[2 * COUNT + 2] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
  size_t used = 1;
  for (int i = 0; i < COUNT; i++) {
    filter[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)missing[i], 0, 1);
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
  }
  filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = (unsigned short)used, .filter = filter};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

// Role: what differs between entries and kernels, one word a line.
static int tell_entry(const struct privilege *privilege, const char *kind, const char *path) {
  struct entry *entry = open_entry(path, (uint8_t)atoi(kind));
  printf("features %u of %u users and %u groups%s%s\n", privilege_features(privilege), privilege->reach.users,
         privilege->reach.groups, privilege->reach.lack[0] == '\0' ? "" : ": ", privilege->reach.lack);
  static const struct {
    const char *user, *script;
  } steps[] = {{"", "echo id $(id -u) $(id -g)"},
               {"", "echo x > /dev/null && echo null $(stat -c %t:%T /dev/null)"},
               {"", "cat /proc/1/comm"},
               {"", "echo mounts $(mount | grep -c ' /proc\\| /dev\\| /run\\| /tmp\\| /sys')"},
               {"", "echo 1 2>/dev/null > /proc/sys/kernel/panic || echo sys-ro"},
               {"", "mknod /x c 1 3 && echo x > /x || echo nodev; rm -f /x"},
               {"", "touch /made && stat -c 'made %u' /made && rm /made"},
               {"user", "echo user $(id -u)"},
               {"1000:1000", "echo number $(id -u)"}};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    struct result result = run_shell(entry, &(struct run){.user = steps[i].user, .directory = "/"}, steps[i].script);
    if (result.is_started) printf("%s", result.out);
    else printf("failed %u %s\n", result.err.code, result.err.message);
    forget(&result);
  }
  struct result result = run_shell(entry, &(struct run){.flags = EXEC_PTY}, "tty");
  printf("%s", result.is_started ? result.out : result.err.message);
  forget(&result);
  entry_close(entry);
  return 0;
}

int run_helper_role(const char *role, int count, char **arguments, const struct privilege *privilege) {
  if (strcmp(role, "tell") == 0 && count == 4) return tell_entry(privilege, arguments[2], arguments[3]);
  if (strcmp(role, "tell-old") == 0 && count == 4)
    return pretend_old_kernel() < 0 ? 3 : tell_entry(privilege, arguments[2], arguments[3]);
  return life_role(role, count, arguments);
}

// In a chroot the terminal is one of the host's, whose numbers others take, too.
static void forget_number(char *says) {
  char *number = strstr(says, "/dev/pts/");
  if (number != NULL) number[strlen("/dev/pts/")] = '\0';
}

static void old_kernels(void) {
  begin("a kernel without open_tree, openat2, close_range and pidfds gives the same entry");
  const char *tree = make_tree("old");
  static const char *const kinds[] = {"2", "1"};
  for (int i = 0; i < 2; i++) {
    FILE *says = NULL;
    pid_t pid = start_role("tell", kinds[i], tree, &says);
    char *expected = all_of(says, pid);
    pid = start_role("tell-old", kinds[i], tree, &says);
    char *actual = all_of(says, pid);
    forget_number(expected), forget_number(actual);
    CHECK_TEXT(actual, expected);
    CHECK(strstr(actual, "user 1000\n") != NULL, "%s", actual);
    free(expected), free(actual);
  }
  begin("... and opens no device of a file system mounted within the tree");
  {
    run_tool("mount -t tmpfs x \"$1/home\" && mknod \"$1/home/null\" c 1 3", tree);
    static const char *const roles[] = {"tell", "tell-old"};
    for (int i = 0; i < 2; i++) {
      FILE *says = NULL;
      pid_t pid = start_role(roles[i], "2", tree, &says);
      free(all_of(says, pid));
      struct entry *entry = open_entry(tree, ENTRY_UNSHARE);
      struct result result = run_shell(entry, NULL, "test -c /home/null && echo x > /home/null || echo refused");
      CHECK_TEXT(result.out, "refused\n");
      forget(&result);
      entry_close(entry);
    }
    run_tool("umount \"$1/home\"", tree);
  }
}

void test_kinds(void) {
  chroot_entry();
  nspawn_entry();
  machine_entry();
  host_entry();
  old_kernels();
}
