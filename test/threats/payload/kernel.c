// Rows 16 and 17: settings of the kernel, mounts, devices, namespaces made inside.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload.h"

static void write_settings(void) {
  // With what they hold: a hole changes nothing on the machine that the test runs on.
  static const char *const files[] = {
      "/proc/sys/kernel/core_pattern",  "/proc/sys/kernel/modprobe",      "/proc/sys/kernel/hotplug",
      "/proc/sys/fs/binfmt_misc/register", "/proc/sys/vm/drop_caches",    "/proc/sys/kernel/pid_max",
      "/proc/sys/kernel/hostname",      "/proc/sys/kernel/sysrq",         "/proc/sys/net/ipv4/ip_forward",
      "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/usermodehelper/bset", "/proc/sys/kernel/randomize_va_space",
      "/sys/kernel/uevent_helper",      "/sys/kernel/mm/ksm/run",         "/sys/kernel/mm/transparent_hugepage/enabled",
      "/sys/power/state",               "/sys/kernel/profiling",          "/sys/module/kernel/parameters/panic",
      "/proc/irq/default_smp_affinity", "/proc/1/oom_score_adj",          "/proc/1/attr/exec",
      "/proc/1/attr/current",           "/proc/1/loginuid",               "/proc/1/uid_map",
      "/proc/1/autogroup"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    int fd = open(files[i], O_WRONLY | O_NONBLOCK);
    bool is_open = fd >= 0;
    // Whether it opens is what tells, but for files whose write the kernel judges.
    if (is_open && strncmp(files[i], "/proc/1/", 8) == 0) {
      char text[128];
      snprintf(text, sizeof text, "%.120s", text_of(files[i]));
      is_open = text[0] != '\0' && strcmp(text, "0\n") != 0 && write(fd, text, strlen(text)) > 0;
    }
    if (fd >= 0) close(fd);
    tell(17, files[i], is_open);
  }
  // What hides it may be opened.
  struct statfs file_system;
  int trigger = open("/proc/sysrq-trigger", O_WRONLY);
  tell(17, "sysrq", trigger >= 0 && fstatfs(trigger, &file_system) == 0 && file_system.f_type == 0x9fa0);
  static const char *const hidden[] = {"/proc/kcore", "/proc/kmsg", "/dev/kmsg", "/dev/mem", "/dev/kmem", "/dev/port",
                                       "/proc/vmallocinfo", "/proc/slabinfo", "/proc/kpageflags",
                                       "/proc/timer_list", "/proc/sched_debug",
                                       "/sys/firmware/dmi/tables/DMI", "/sys/kernel/debug/sched/debug"};
  for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
    char byte;
    int fd = open(hidden[i], O_RDONLY | O_NONBLOCK);
    bool is_read = fd >= 0 && read(fd, &byte, 1) > 0;
    if (fd >= 0) close(fd);
    tell(17, hidden[i], is_read);
  }
}

static bool mounts_anything(void) {
  static const char *const kinds[][2] = {{"proc", NULL},      {"sysfs", NULL},    {"tmpfs", NULL},
                                         {"cgroup", "memory"}, {"cgroup", "none,name=escape"}, {"cgroup2", NULL},
                                         {"devtmpfs", NULL},  {"debugfs", NULL},  {"securityfs", NULL},
                                         {"binfmt_misc", NULL}, {"mqueue", NULL}, {"tracefs", NULL},
                                         {"bpf", NULL},       {"devpts", NULL},   {"overlay", "lowerdir=/,upperdir=/m,workdir=/w"}};
  bool has_mounted = false;
  mkdir("/m", 0700);
  mkdir("/w", 0700);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (mount("x", "/m", kinds[i][0], 0, kinds[i][1]) < 0) continue;
    has_mounted = true;
    printf("row 16 mounted %s\n", kinds[i][0]);
    umount2("/m", MNT_DETACH);
  }
  has_mounted |= mount("/", "/m", NULL, MS_BIND | MS_REC, NULL) == 0;
  has_mounted |= mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL) == 0;
  has_mounted |= mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) == 0;
  has_mounted |= umount2("/proc/sys", MNT_DETACH) == 0;
  has_mounted |= umount2("/proc/kcore", MNT_DETACH) == 0;
  has_mounted |= umount2("/proc", MNT_DETACH) == 0;
  has_mounted |= umount2("/dev", MNT_DETACH) == 0;
  has_mounted |= syscall(SYS_open_tree, AT_FDCWD, "/", 1) >= 0;
  has_mounted |= syscall(SYS_fsopen, "proc", 0) >= 0;
  has_mounted |= syscall(SYS_pivot_root, "/m", "/m") == 0;
  umount2("/m", MNT_DETACH);
  rmdir("/m");
  rmdir("/w");
  return has_mounted;
}

static void open_devices(void) {
  static const struct {
    const char *what;
    mode_t type;
    unsigned major, minor;
  } devices[] = {{"mem", S_IFCHR, 1, 1},      {"kmsg", S_IFCHR, 1, 11},  {"tty1", S_IFCHR, 4, 1},   {"console", S_IFCHR, 5, 1},
                 {"vda", S_IFBLK, 254, 0},    {"vda 253", S_IFBLK, 253, 0}, {"sda", S_IFBLK, 8, 0}, {"loop0", S_IFBLK, 7, 0},
                 {"loop-control", S_IFCHR, 10, 237}, {"fuse", S_IFCHR, 10, 229}, {"tun", S_IFCHR, 10, 200},
                 {"kvm", S_IFCHR, 10, 232},   {"btrfs-control", S_IFCHR, 10, 234}};
  static const char *const places[] = {"/node", "/dev/node", "/tmp/node", "/run/node", "/dev/shm/node"};
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
    bool is_open = false;
    for (size_t j = 0; j < sizeof places / sizeof *places; j++) {
      if (mknod(places[j], devices[i].type | 0666, makedev(devices[i].major, devices[i].minor)) < 0) continue;
      int fd = open(places[j], O_RDONLY | O_NONBLOCK | O_NOCTTY);
      is_open |= fd >= 0 || (errno != EACCES && errno != EPERM);
      if (fd >= 0) close(fd);
      unlink(places[j]);
    }
    tell(17, devices[i].what, is_open);
  }
  // Those that are there, made into others' by their owner and mode: the host compares its own afterwards.
  static const char *const there[] = {"/dev/null", "/dev/zero", "/dev/tty", "/dev/full"};
  for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
    struct stat before;
    if (stat(there[i], &before) < 0) continue;
    if (chmod(there[i], 0640) == 0) chmod(there[i], before.st_mode & 07777);
  }
}

static void call_kernel(void) {
  union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
  struct bpf_insn program[] = {{.code = 0xb7}, {.code = 0x95}};
  union bpf_attr load = {.prog_type = BPF_PROG_TYPE_KPROBE,
                         .insns = (uint64_t)(uintptr_t)program,
                         .insn_cnt = 2,
                         .license = (uint64_t)(uintptr_t) "GPL"};
  (void)map;
  tell(17, "bpf", syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load) >= 0);
  struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE, .size = sizeof event, .config = PERF_COUNT_SW_CPU_CLOCK};
  tell(17, "perf of all processors", syscall(SYS_perf_event_open, &event, -1, 0, -1, 0) >= 0);
  tell(17, "kexec", syscall(SYS_kexec_load, 0, 0, NULL, 0) == 0);
  tell(17, "module", syscall(SYS_init_module, "", 0, "") == 0 || (errno != EPERM && errno != ENOSYS));
  tell(17, "module by file", syscall(SYS_finit_module, -1, "", 0) == 0 || (errno != EPERM && errno != ENOSYS));
  tell(17, "delete module", syscall(SYS_delete_module, "nothing", 0) == 0 || (errno != EPERM && errno != ENOSYS));
  tell(17, "kernel log", klogctl(3, (char[64]){0}, 64) >= 0);
  tell(17, "swap", swapoff("/nothing") == 0 || (errno != EPERM && errno != ENOSYS));
  tell(17, "accounting", syscall(SYS_acct, NULL) == 0);
  struct timex clock = {.modes = ADJ_TICK, .tick = 10000};
  tell(17, "clock", adjtimex(&clock) >= 0);
  tell(17, "reboot", reboot(RB_DISABLE_CAD) == 0);
#ifdef SYS_iopl
  tell(17, "io ports", syscall(SYS_iopl, 3) == 0);
#endif
  tell(17, "quota", syscall(SYS_quotactl, 0x800003, "/dev/vda", 0, NULL) == 0);
  // Where it may be set it is the tree's own: the host looks at its afterwards.
  if (sethostname("escaped", 7) < 0) tell(17, "host name", false);
}

// Namespaces that a process of the tree makes to be root in, and what can be mounted there.
static void enter_own_namespace(void) {
  pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWCGROUP) < 0) _exit(0);
    overwrite("/proc/self/setgroups", "deny");
    mkdir("/m", 0700);
    // Files of a cgroup with a release agent are the way out of old (CVE-2022-0492).
    if (mount("x", "/m", "cgroup", 0, "memory") == 0 || mount("x", "/m", "cgroup", 0, "pids") == 0) {
      if (access("/m/release_agent", W_OK) == 0) _exit(1);
    }
    if (umount2("/proc/kcore", 0) == 0 || umount2("/proc/sys", MNT_DETACH) == 0) _exit(2);
    if (mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL) == 0 && overwrite("/proc/sys/vm/swappiness", text_of("/proc/sys/vm/swappiness"))) _exit(3);
    if (fork() == 0) {
      // In the new PID namespace a fresh proc may be had if the old one is seen whole: it must not be.
      if (mount("x", "/m", "proc", 0, NULL) == 0 && access("/m/kcore", R_OK) == 0 && text_of("/m/kcore")[0] != '\0') _exit(4);
      _exit(0);
    }
    int status = 0;
    wait(&status);
    _exit(WEXITSTATUS(status));
  }
  int status = 0;
  waitpid(child, &status, 0);
  char what[64];
  snprintf(what, sizeof what, "user namespace made inside (%d)", WEXITSTATUS(status));
  tell(17, what, WEXITSTATUS(status) != 0);
  rmdir("/m");
}

static int kernel(int count, char **arguments) {
  (void)count;
  (void)arguments;
  write_settings();
  tell(16, "mounts", mounts_anything());
  open_devices();
  call_kernel();
  enter_own_namespace();
  // Row 17, v1: a release agent of a hierarchy that is seen here.
  tell(17, "release agent", overwrite("/sys/fs/cgroup/memory/release_agent", "") || overwrite("/sys/fs/cgroup/pids/release_agent", ""));
  return 0;
}

// Row 16, where root may mount: nothing of it is seen outside.
static int mount_much(int count, char **arguments) {
  (void)count;
  (void)arguments;
  int made = 0;
  mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
  static const char *const at[] = {"/tmp", "/root", "/dev", "/proc", "/sys", "/run", "/shared", "/shared/below", "/"};
  for (size_t i = 0; i < sizeof at / sizeof *at; i++) made += mount("escape", at[i], "tmpfs", 0, NULL) == 0;
  printf("row 16 mounted %d\n", made);
  return 0;
}

const struct attack kernel_attacks[] = {{"kernel", kernel}, {"mount-much", mount_much}, {NULL, NULL}};
