// Tells who it is and what it may, from inside of an entry. Built static by the tests, for trees that hold nothing else.
//   state          all that the kernel says of this process, a line each
//   calls          what comes of system calls, a line each: ABI, name, errno name or `done`
//   open PATH…     whether each can be opened for reading
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int print_state(void) {
  char line[1024 * 1024];
  uid_t uids[3];
  gid_t gids[3];
  FILE *status = fopen("/proc/self/status", "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL) {
    static const char *const wanted[] = {"Cap", "NoNewPrivs", "Seccomp:", "Groups", "Umask"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
      if (strncmp(line, wanted[i], strlen(wanted[i])) == 0) fputs(line, stdout);
    }
  }
  getresuid(&uids[0], &uids[1], &uids[2]);
  getresgid(&gids[0], &gids[1], &gids[2]);
  printf("resuid %u %u %u\nresgid %u %u %u\n", uids[0], uids[1], uids[2], gids[0], gids[1], gids[2]);
  gid_t groups[70000];
  int count = getgroups(70000, groups);
  printf("groups");
  for (int i = 0; i < count; i++) printf(" %u", groups[i]);
  printf("\nsecurebits %d\ndumpable %d\n", prctl(PR_GET_SECUREBITS), prctl(PR_GET_DUMPABLE));
  mode_t mask = umask(0);
  printf("umask %03o\n", mask);
  for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
    struct rlimit limit;
    getrlimit(resource, &limit);
    printf("rlimit %d %lld %lld\n", resource, (long long)limit.rlim_cur, (long long)limit.rlim_max);
  }
  for (const char *const *name = (const char *const[]){"HOME", "USER", "LOGNAME", "SHELL", NULL}; *name != NULL; name++)
    printf("%s=%s\n", *name, getenv(*name) == NULL ? "(unset)" : getenv(*name));
  printf("cwd %s\n", getcwd(line, sizeof line));
  printf("regain %s\n", setresuid(0, 0, 0) == 0 || setgroups(0, NULL) == 0 || setuid(0) == 0 ? "yes" : "no");
  return 0;
}

static void say(const char *abi, const char *name, long result, int error) {
  printf("%s %s %s\n", abi, name, result < 0 ? strerrorname_np(error) : "done");
  fflush(stdout);
}

#define TRY(name, call) \
  do { \
    errno = 0; \
    long result = (call); \
    say("native", name, result, errno); \
  } while (0)

#ifdef __x86_64__
// The 32-bit table, as a 64-bit program reaches it.
static long int80(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
  return (int)result;
}

static void try_i386(const char *name, long number, long a, long b, long c) {
  long result = int80(number, a, b, c);
  say("i386", name, result, (int)-result);
}
#endif

// In a child: what succeeds changes the process.
static void apart(void (*body)(void)) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) body(), fflush(stdout), _exit(0);
  waitpid(child, NULL, 0);
}

static void try_namespaces(void) {
  TRY("unshare_user", unshare(CLONE_NEWUSER));
}

static void try_clone(void) {
  long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid == 0) _exit(0);
  say("native", "clone_user", pid, errno);
}

static void try_thread_flags(void) {
  TRY("unshare_files", unshare(CLONE_FILES));
  TRY("personality_query", personality(0xffffffff));
  TRY("personality_linux32", personality(PER_LINUX32));
  TRY("personality_no_randomize", personality(ADDR_NO_RANDOMIZE));
  TRY("personality_read_implies_exec", personality(READ_IMPLIES_EXEC));
}

static int try_calls(void) {
  char buffer[4096] = {0};
  TRY("getpid", syscall(SYS_getpid));
  TRY("add_key", syscall(SYS_add_key, "user", "crun-test", "x", 1L, -2L));
  TRY("request_key", syscall(SYS_request_key, "user", "crun-test", NULL, 0L));
  TRY("keyctl", syscall(SYS_keyctl, 0L, -3L, 0L));
  TRY("bpf", syscall(SYS_bpf, 0L, buffer, 0L));
  TRY("perf_event_open", syscall(SYS_perf_event_open, buffer, 0L, -1L, -1L, 0L));
  TRY("userfaultfd", syscall(SYS_userfaultfd, 0L));
  TRY("userfaultfd_user_mode", syscall(SYS_userfaultfd, 1L));
  TRY("io_uring_setup", syscall(SYS_io_uring_setup, 0L, buffer));
  TRY("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, buffer, 0L));
  TRY("mount", syscall(SYS_mount, "x", "/nowhere", "tmpfs", 0L, NULL));
  TRY("umount2", syscall(SYS_umount2, "/nowhere", 0L));
  TRY("pivot_root", syscall(SYS_pivot_root, "/nowhere", "/nowhere"));
  TRY("fsopen", syscall(SYS_fsopen, "nowhere", 0L));
  TRY("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 0L));
  TRY("setns", syscall(SYS_setns, 0L, 0L));
  TRY("init_module", syscall(SYS_init_module, NULL, 0L, ""));
  TRY("finit_module", syscall(SYS_finit_module, -1L, "", 0L));
  TRY("delete_module", syscall(SYS_delete_module, "nowhere", 0L));
  TRY("kexec_load", syscall(SYS_kexec_load, 0L, 17L, NULL, 0L));
  TRY("reboot", syscall(SYS_reboot, 0L, 0L, 0L));
  TRY("swapon", syscall(SYS_swapon, "/nowhere", 0L));
  TRY("acct", syscall(SYS_acct, "/nowhere"));
  TRY("quotactl", syscall(SYS_quotactl, -1L, NULL, 0L, NULL));
  TRY("settimeofday", syscall(SYS_settimeofday, NULL, NULL));
  TRY("syslog", syscall(SYS_syslog, 10L, NULL, 0L));
  TRY("fanotify_init", syscall(SYS_fanotify_init, 0xffffL, 0L));
  TRY("clone3", syscall(SYS_clone3, NULL, 0L));
  TRY("newer", syscall(470));
  TRY("far", syscall(4000));
  TRY("socket_unix", socket(AF_UNIX, SOCK_STREAM, 0));
  TRY("socket_inet", socket(AF_INET, SOCK_STREAM, 0));
  TRY("socket_inet6", socket(AF_INET6, SOCK_DGRAM, 0));
  TRY("socket_netlink", socket(AF_NETLINK, SOCK_RAW, 0));
  TRY("socket_alg", socket(38, SOCK_SEQPACKET, 0));
  TRY("socket_packet", socket(AF_PACKET, SOCK_RAW, 0));
  TRY("socket_vsock", socket(40, SOCK_STREAM, 0));
  TRY("socket_rds", socket(21, SOCK_SEQPACKET, 0));
  TRY("socket_high_bits", syscall(SYS_socket, 38L | 1L << 32, (long)SOCK_SEQPACKET, 0L));
  TRY("tiocsti", ioctl(-1, TIOCSTI, "x"));
  TRY("tiocsti_high_bits", syscall(SYS_ioctl, -1L, (long)TIOCSTI | 1L << 32, "x"));
  TRY("tioclinux", ioctl(-1, TIOCLINUX, "x"));
  TRY("ioctl_other", ioctl(-1, FIONREAD, buffer));
  TRY("ptrace", syscall(SYS_ptrace, 16L, -1L, NULL, NULL));
#ifdef __x86_64__
  TRY("modify_ldt", syscall(SYS_modify_ldt, 0L, buffer, 16L));
  TRY("iopl", syscall(SYS_iopl, 3L));
  TRY("x32_getpid", syscall(0x40000000L | 39));
  TRY("x32_keyctl", syscall(0x40000000L | 250, 0L, -3L, 0L));
  try_i386("getpid", 20, 0, 0, 0);
  try_i386("keyctl", 288, 0, -3, 0);
  try_i386("bpf", 357, 0, 0, 0);
  try_i386("mount", 21, 0, 0, 0);
  try_i386("umount", 22, 0, 0, 0);
  try_i386("unshare_user", 310, CLONE_NEWUSER, 0, 0);
  try_i386("socket_alg", 359, 38, SOCK_SEQPACKET, 0);
  try_i386("socketcall_socket", 102, 1, 0, 0);
  try_i386("socketcall_connect", 102, 3, 0, 0);
  try_i386("io_uring_setup", 425, 0, 0, 0);
  try_i386("tiocsti", 54, -1, TIOCSTI, 0);
  try_i386("personality", 136, READ_IMPLIES_EXEC, 0, 0);
  try_i386("clock_settime64", 404, 0, 0, 0);
  try_i386("newer", 470, 0, 0, 0);
#endif
  apart(try_namespaces);
  apart(try_clone);
  apart(try_thread_flags);
  return 0;
}

int main(int count, char **arguments) {
  if (count > 1 && strcmp(arguments[1], "state") == 0) return print_state();
  if (count > 1 && strcmp(arguments[1], "calls") == 0) return try_calls();
  for (int i = 2; i < count; i++) {
    int fd = open(arguments[i], O_RDONLY | O_NONBLOCK);
    printf("%s %s\n", arguments[i], fd < 0 ? strerrorname_np(errno) : "done");
  }
  return 0;
}
