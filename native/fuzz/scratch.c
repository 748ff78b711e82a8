// A scratch tree with canaries around it, in namespaces where nothing else can be changed.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "fuzz.h"
#include "kernel.h"

static void write_file(const char *path, const char *content) {
  auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  MUST(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content), "%s: %s", path, strerror(errno));
}

// As a user: root of namespaces of one's own.
static bool become_root(void) {
  char map[64];
  uid_t uid = geteuid();
  gid_t gid = getegid();
  if (uid == 0) return true;
  if (unshare(CLONE_NEWUSER) != 0) return false;
  write_file("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "0 %u 1", uid);
  write_file("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "0 %u 1", gid);
  write_file("/proc/self/gid_map", map);
  return true;
}

void fuzz_isolate(void) {
  struct kernel_mount_attributes read_only = {.set = KERNEL_ATTR_RDONLY}, writable = {.clear = KERNEL_ATTR_RDONLY};
  const char *kept = getenv("FUZZ_WRITABLE");
  if (!become_root() || unshare(CLONE_NEWNS | CLONE_NEWNET) != 0) {
    printf("fuzz: not run here: no namespaces of its own: %s\n", strerror(errno));
    exit(FUZZ_ABSENT);
  }
  MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts: %s", strerror(errno));
  if (kept != NULL) MUST(mount(kept, kept, NULL, MS_BIND, NULL) == 0, "bind %s: %s", kept, strerror(errno));
  auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  MUST(kernel_mount_setattr(root, KERNEL_AT_EMPTY_PATH | KERNEL_AT_RECURSIVE, &read_only) == 0,
       "all read-only: %s", strerror(errno));
  if (kept != NULL) {
    auto_close int fd = open(kept, O_PATH | O_DIRECTORY | O_CLOEXEC);
    MUST(kernel_mount_setattr(fd, KERNEL_AT_EMPTY_PATH, &writable) == 0, "%s: %s", kept, strerror(errno));
  }
  MUST(mount("tmpfs", SCRATCH, "tmpfs", MS_NODEV, NULL) == 0, "tmpfs: %s", strerror(errno));
  // Names of findings and of the corpus may be relative: the same directory, by way of what was mounted on it.
  char here[4096];
  if (getcwd(here, sizeof here) != NULL) MUST(chdir(here) == 0, "chdir %s: %s", here, strerror(errno));
  umask(022);
}

// 1. The scratch place. Everything is made by its path: nobody else is at work here.
static const char *at(const char *name) {
  static char paths[4][512];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], SCRATCH "/%s", name);
  return path;
}

static void make_directory(const char *name, mode_t mode) {
  MUST(mkdir(at(name), mode) == 0, "mkdir %s: %s", name, strerror(errno));
}

static void make_link(const char *name, const char *target) {
  MUST(symlink(target, at(name)) == 0, "symlink %s: %s", name, strerror(errno));
}

static void make_socket(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  snprintf(address.sun_path, sizeof address.sun_path, "%s", at(name));
  MUST(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind: %s", strerror(errno));
}

static const char passwd[] = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n";

// Whatever has ever led out of a tree, in one tree.
static void make_tree(const char *base) {
  char name[300];
#define IN(part) (snprintf(name, sizeof name, "%s/%s", base, part), name)
  make_directory(IN(""), 0755);
  make_directory(IN("etc"), 0755);
  write_file(at(IN("etc/passwd")), passwd);
  make_directory(IN("a"), 0755);
  make_directory(IN("a/b"), 0700);
  write_file(at(IN("a/b/c")), "Package: a\nStatus: ok\n\nPackage: b\nStatus: none\n\n");
  write_file(at(IN("file")), "line\n");
  write_file(at(IN("name\n\xff")), "");
  make_link(IN("out"), "../canary");
  make_link(IN("absolute"), SCRATCH "/canary/file");
  make_link(IN("in"), "/a/b");
  make_link(IN("loop"), "loop");
  make_link(IN("broken"), "nowhere/../../../../new");
  make_link(IN("a/root"), "/");
  MUST(mkfifo(at(IN("fifo")), 0644) == 0, "mkfifo: %s", strerror(errno));
  mknod(at(IN("node")), S_IFCHR | 0666, makedev(1, 3));  // refused to root of a user namespace
  make_socket(IN("socket"));
  MUST(link(SCRATCH "/canary/shared", at(IN("shared"))) == 0, "link: %s", strerror(errno));
  make_directory(IN("closed"), 0);
  write_file(at(IN("size")), "");
  MUST(truncate(at(IN("size")), 300000) == 0, "truncate: %s", strerror(errno));
#undef IN
}

static void make_many(void) {
  make_directory("tree/many", 0755);
  for (unsigned i = 0; i < 40; i++) {
    char name[64];
    snprintf(name, sizeof name, "tree/many/%u", i);
    write_file(at(name), name);
  }
}

// Deeper than REMOVE holds levels open.
static void make_deep(void) {
  char name[300] = "tree/deep";
  for (unsigned i = 0; i < 70; i++) {
    make_directory(name, 0755);
    strcat(name, "/a");
  }
}

struct canary {
  const char *name;
  struct stat stat;
};

static struct canary canaries[] = {
    {.name = SCRATCH}, {.name = SCRATCH "/canary"}, {.name = SCRATCH "/canary/file"}, {.name = SCRATCH "/canary/link"}};
static struct stat shared;

void scratch_make(uint8_t shape) {
  umount2(SCRATCH, MNT_DETACH);
  MUST(mount("tmpfs", SCRATCH, "tmpfs", MS_NODEV, "size=64m") == 0, "tmpfs: %s", strerror(errno));
  make_directory("canary", 0755);
  write_file(at("canary/file"), "canary");
  write_file(at("canary/shared"), "shared");
  make_link("canary/link", "file");
  make_tree("tree");
  make_directory("host", 0755);
  make_directory("host/a", 0755);
  make_link("host/out", "../canary");
  MUST(link(SCRATCH "/canary/shared", SCRATCH "/host/shared") == 0, "link: %s", strerror(errno));
  if (shape & SHAPE_MANY) make_many();
  if (shape & SHAPE_DEEP) make_deep();
  if (shape & SHAPE_MOUNT) {
    make_directory("tree/mount", 0755);
    MUST(mount(SCRATCH "/canary", SCRATCH "/tree/mount", NULL, MS_BIND, NULL) == 0, "bind: %s", strerror(errno));
    MUST(mount(NULL, SCRATCH "/tree/mount", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0, "bind: %s",
         strerror(errno));
  }
  if (shape & SHAPE_PROC) {
    make_directory("tree/proc", 0755);
    // In a user namespace with parts of proc covered there is none: then the shape has an empty directory.
    mount("proc", SCRATCH "/tree/proc", "proc", MS_RDONLY, NULL);
  }
  for (size_t i = 0; i < sizeof canaries / sizeof *canaries; i++)
    MUST(lstat(canaries[i].name, &canaries[i].stat) == 0, "lstat: %s", strerror(errno));
  MUST(lstat(SCRATCH "/canary/shared", &shared) == 0, "lstat: %s", strerror(errno));
}

// 2. What must hold afterwards.
static void check_content(const char *path, const char *wanted) {
  char content[64] = "";
  auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  ssize_t length = read(fd, content, sizeof content - 1);
  MUST(length == (ssize_t)strlen(wanted) && strcmp(content, wanted) == 0, "%s holds \"%s\"", path, content);
}

static bool is_temp_name(const char *name) {
  return strncmp(name, ".crun-", 6) == 0 && strspn(name + 6, "0123456789abcdef") == 16;
}

// `depth` bounds the recursion, and the deep tree has names of one letter only.
static void check_names(int parent, const char *name, dev_t device, unsigned depth) {
  struct stat stat;
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return;
  auto_closedir DIR *directory = fdopendir(fd);
  // What is mounted in it is not looked at; an overlay holds what its layers do.
  if (directory == NULL || fstat(fd, &stat) != 0 || stat.st_dev != device) return;
  for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    MUST(!is_temp_name(entry->d_name), "a temporary name is left in %s", name);
    if (entry->d_type == DT_DIR && depth > 0) check_names(fd, entry->d_name, device, depth - 1);
  }
}

void scratch_check(bool may_change_shared) {
  struct stat now;
  for (size_t i = 0; i < sizeof canaries / sizeof *canaries; i++) {
    const struct stat *was = &canaries[i].stat;
    MUST(lstat(canaries[i].name, &now) == 0, "%s: %s", canaries[i].name, strerror(errno));
    MUST(now.st_ino == was->st_ino && now.st_mode == was->st_mode && now.st_uid == was->st_uid &&
             now.st_gid == was->st_gid && now.st_nlink == was->st_nlink && now.st_size == was->st_size &&
             now.st_mtim.tv_sec == was->st_mtim.tv_sec && now.st_mtim.tv_nsec == was->st_mtim.tv_nsec &&
             now.st_ctim.tv_sec == was->st_ctim.tv_sec && now.st_ctim.tv_nsec == was->st_ctim.tv_nsec,
         "%s was changed", canaries[i].name);
  }
  check_content(SCRATCH "/canary/file", "canary");
  // A name of it lies in the trees: it may come and go, and with it the number of links and the ctime.
  MUST(lstat(SCRATCH "/canary/shared", &now) == 0, "shared: %s", strerror(errno));
  MUST(may_change_shared || (now.st_mode == shared.st_mode && now.st_uid == shared.st_uid && now.st_gid == shared.st_gid),
       "a file of the host was changed by its other name");
  check_content(SCRATCH "/canary/shared", "shared");
  auto_close int scratch = open(SCRATCH, O_PATH | O_DIRECTORY | O_CLOEXEC);
  check_names(scratch, "tree", canaries[0].stat.st_dev, 16);
  check_names(scratch, "host", canaries[0].stat.st_dev, 16);
}
