// Row 15: rights that a dropped user would like back. Keys of the caller's.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload.h"

static unsigned long long capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {0};
  syscall(SYS_capget, &header, data);
  return (data[0].effective | data[0].permitted | data[0].inheritable) |
         (unsigned long long)(data[1].effective | data[1].permitted | data[1].inheritable) << 32;
}

// As what it runs, told by the status: called through setuid, setgid and capable copies.
static int ids(int count, char **arguments) {
  (void)count;
  (void)arguments;
  uid_t real, effective, saved;
  gid_t real_group, effective_group, saved_group;
  getresuid(&real, &effective, &saved);
  getresgid(&real_group, &effective_group, &saved_group);
  bool is_root = real == 0 || effective == 0 || saved == 0 || real_group == 0 || effective_group == 0 || saved_group == 0;
  is_root |= setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0 || setgroups(0, NULL) == 0;
  is_root |= capabilities() != 0;
  printf("ids %u %u %u %u%s\n", real, effective, real_group, effective_group, is_root ? " root" : "");
  return is_root ? 1 : 0;
}

static bool gains_by(const char *program) {
  pid_t child = fork();
  if (child == 0) {
    execl(program, program, "ids", (char *)NULL);
    _exit(0); // that it does not run is well
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) != 0;
}

static bool traces(pid_t pid) {
  if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0) return false;
  ptrace(PTRACE_DETACH, pid, NULL, NULL);
  return true;
}

// As a user of the tree. ROOT-PID: a sibling that is root's, by its number here.
static int regain(int count, char **arguments) {
  tell(15, "ids as they are", gains_by("/bin/payload"));
  tell(15, "setuid", gains_by("/bin/setuid"));
  tell(15, "setgid", gains_by("/bin/setgid"));
  tell(15, "setuid and setgid", gains_by("/bin/setboth"));
  tell(15, "file capabilities", gains_by("/bin/capable"));
  tell(15, "setuid script", gains_by("/bin/setuid-script"));
  if (prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0) tell(15, "no_new_privs taken back", true);
  tell(15, "capability raised", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0) == 0);
  tell(15, "keep caps", prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
  tell(15, "securebits", prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) == 0);
  for (int i = 0; i < count; i++) tell(15, "tracing root's", traces(atoi(arguments[i])));
  tell(15, "tracing PID 1", traces(1));
  tell(15, "signals to root's", count > 0 && kill(atoi(arguments[0]), 0) == 0);
  tell(15, "shadow of the tree", text_of("/etc/shadow")[0] != '\0');
  pid_t child = fork();
  if (child == 0) {
    // Root of a namespace of its own has rights over what is made there alone.
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) _exit(0);
    overwrite("/proc/self/setgroups", "deny");
    char map[64];
    snprintf(map, sizeof map, "0 0 1\n");
    if (overwrite("/proc/self/uid_map", map)) _exit(1);
    if (text_of("/etc/shadow")[0] != '\0') _exit(2);
    if (chown("/etc/passwd", 0, 0) == 0) _exit(3);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  tell(15, "root of a user namespace", WIFEXITED(status) && WEXITSTATUS(status) != 0);
  return 0;
}

enum { SEARCH = 10, READ = 11, GET_ID = 0, DESCRIBE = 6 };

// Keys of the caller's: DESCRIPTION of one in each of its keyrings.
static int keys(int count, char **arguments) {
  const char *description = count > 0 ? arguments[0] : "";
  for (long ring = -8; ring <= -1; ring++) {
    long key = syscall(SYS_keyctl, SEARCH, ring, "user", description, 0);
    char what[64];
    snprintf(what, sizeof what, "a key of keyring %ld", ring);
    tell(15, what, key > 0);
  }
  tell(15, "a key by request", syscall(SYS_request_key, "user", description, NULL, 0) > 0);
  tell(15, "a key that is listed", strstr(text_of("/proc/keys"), description) != NULL);
  return 0;
}

// On the host: with a key in its session and user keyrings it runs a program. DESCRIPTION PROGRAM ARGUMENTS…
static int with_key(int count, char **arguments) {
  if (count < 2) return 2;
  syscall(SYS_keyctl, 1, NULL); // a session of its own
  syscall(SYS_add_key, "user", arguments[0], "secret", 6ul, -3);
  syscall(SYS_add_key, "user", arguments[0], "secret", 6ul, -2);
  long key = syscall(SYS_add_key, "user", arguments[0], "secret", 6ul, -4);
  pid_t child = fork();
  if (child == 0) {
    execvp(arguments[1], arguments + 1);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  syscall(SYS_keyctl, 9, key, -4); // unlinked from the user's, which outlives it
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

// Row 10: is the tree's cache of names; writes down that somebody asked.
static int serve_names(int count, char **arguments) {
  (void)count;
  (void)arguments;
  static const char *const directories[] = {"/var/run", "/var/run/nscd", "/run", "/run/nscd"};
  static const char *const paths[] = {"/run/nscd/socket", "/var/run/nscd/socket", "/run/systemd-userdb", "/run/.nscd_socket"};
  struct pollfd wait[4];
  for (int i = 0; i < 4; i++) mkdir(directories[i], 0755);
  for (int i = 0; i < 4; i++) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, paths[i]);
    unlink(paths[i]);
    wait[i] = (struct pollfd){.fd = socket(AF_UNIX, SOCK_STREAM, 0), .events = POLLIN};
    if (bind(wait[i].fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(wait[i].fd, 5) < 0) wait[i].fd = -1;
    else chmod(paths[i], 0666);
  }
  while (poll(wait, 4, -1) >= 0) {
    int log = open("/asked", O_WRONLY | O_CREAT, 0600);
    if (log >= 0) close(log);
    usleep(10000);
  }
  return 0;
}

// A service of the host's that listens at a name without a file. NAME; ABI of landlock: whether the kernel can refuse it.
static int connect_abstract(int count, char **arguments) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (count < 1) return 2;
  snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s", arguments[0]);
  socklen_t length = (socklen_t)(sizeof address.sun_family + 1 + strlen(arguments[0]));
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  bool has_connected = fd >= 0 && connect(fd, (struct sockaddr *)&address, length) == 0;
  // Some fill the name up with zeros.
  if (!has_connected && errno == ECONNREFUSED) has_connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  printf("abstract %s, landlock %ld\n", has_connected ? "connected" : strerror(errno), syscall(444, NULL, 0ul, 1u));
  return 0;
}

static int faults(int count, char **arguments) {
  (void)count;
  (void)arguments;
  // That of the kernel's own faults, with which races in it are won.
  long fd = syscall(SYS_userfaultfd, 0);
  tell(17, "faults of the kernel's", fd >= 0);
  return 0;
}

const struct attack rights_attacks[] = {
    {"ids", ids}, {"regain", regain}, {"keys", keys}, {"with-key", with_key}, {"faults", faults}, {"service", serve_names}, {"abstract", connect_abstract}, {NULL, NULL}};
