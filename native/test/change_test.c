// Changes: what they make, what they keep, what they refuse.
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fixture.h"
#include "forbid.h"
#include "hash.h"
#include "test.h"

static struct fixture fixture;

static struct stat stat_of(const char *name) {
  struct stat status = {0};
  CHECK(lstat(scratch(name), &status) == 0);
  return status;
}

static mode_t mode_of(const char *name) {
  return stat_of(name).st_mode & 07777;
}

static const uint8_t *sha256_of(const char *text) {
  static uint8_t digest[HASH_SIZE_MAX];
  struct hash hash;
  hash_start(&hash, HASH_SHA256);
  hash_add(&hash, text, strlen(text));
  hash_end(&hash, digest);
  return digest;
}

static const char *target_of(const char *name) {
  static char target[256];
  ssize_t length = readlink(scratch(name), target, sizeof target - 1);
  target[length < 0 ? 0 : length] = '\0';
  return target;
}

static void test_write_new(void) {
  struct change change = new_write("/new", "content\n");
  fixture_open(&fixture);
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("tree/new"), "content\n");
  CHECK_EQUAL(mode_of("tree/new"), 0644);
  change = new_write("/strict", "");
  change.mode = 04750;
  if (geteuid() == 0) change.uid = 1234, change.gid = 4321;
  change.mtime = (struct time_spec){2, {1000000000, 5}};
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(mode_of("tree/strict"), 04750);
  CHECK_EQUAL(stat_of("tree/strict").st_mtime, 1000000000);
  if (geteuid() == 0) CHECK_EQUAL(stat_of("tree/strict").st_uid, 1234);
  change = new_write("/none/file", "x");
  CHECK_EQUAL(does(&fixture, &change), 1);
  CHECK_EQUAL(count_entries("tree"), 2);
  fixture_close(&fixture);
}

static void test_write_over(void) {
  struct change change = new_write("/file", "new");
  ino_t before;
  fixture_open(&fixture);
  make_file("tree/file", "old");
  CHECK(chmod(scratch("tree/file"), 0640) == 0);
  bool has_xattrs = setxattr(scratch("tree/file"), "user.note", "kept", 4, 0) == 0;
  if (geteuid() == 0) CHECK(chown(scratch("tree/file"), 77, 78) == 0);
  CHECK(link(scratch("tree/file"), scratch("other")) == 0);
  before = stat_of("tree/file").st_ino;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("tree/file"), "new");
  CHECK_TEXT(content_of("other"), "old");
  CHECK(stat_of("tree/file").st_ino != before);
  CHECK_EQUAL(mode_of("tree/file"), 0640);
  if (geteuid() == 0) CHECK_EQUAL(stat_of("tree/file").st_gid, 78);
  if (has_xattrs) {
    char value[8] = "";
    CHECK_EQUAL(getxattr(scratch("tree/file"), "user.note", value, sizeof value), 4);
    CHECK(memcmp(value, "kept", 4) == 0);
  }
  CHECK_EQUAL(count_entries("tree"), 1);
  fixture_close(&fixture);
}

static void test_write_links(void) {
  struct change change = new_write("/link", "new");
  fixture_open(&fixture);
  make_directory("tree/d");
  make_file("tree/d/real", "old");
  make_file("outside", "host");
  CHECK(symlink("d/real", scratch("tree/link")) == 0);
  CHECK(symlink("../outside", scratch("tree/out")) == 0);
  change.flags = WRITE_FOLLOW;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("tree/d/real"), "new");
  CHECK_TEXT(target_of("tree/link"), "d/real");
  change.flags = 0;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK(S_ISREG(stat_of("tree/link").st_mode));
  change = new_write("/out", "evil");
  change.flags = WRITE_FOLLOW;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("outside"), "host");
  CHECK_TEXT(content_of("tree/outside"), "evil");
  fixture_close(&fixture);
}

static void test_write_in_place(void) {
  struct change change = new_write("/file", "new");
  ino_t before;
  fixture_open(&fixture);
  make_file("tree/file", "old and longer");
  before = stat_of("tree/file").st_ino;
  change.flags = WRITE_IN_PLACE;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("tree/file"), "new");
  CHECK_EQUAL(stat_of("tree/file").st_ino, before);
  CHECK(link(scratch("tree/file"), scratch("host")) == 0);
  change = new_write("/file", "evil");
  change.flags = WRITE_IN_PLACE;
  CHECK_EQUAL(does(&fixture, &change), REFUSED);
  CHECK_TEXT(content_of("host"), "new");
  CHECK(mkfifo(scratch("tree/fifo"), 0600) == 0);
  change.path = "/fifo";
  CHECK_EQUAL(does(&fixture, &change), REFUSED);
  change.path = "/";
  CHECK_EQUAL(does(&fixture, &change), 1);
  fixture_close(&fixture);
}

// A directory of the tree's user was swapped for a link after the look: nothing happens where it leads.
static void test_swapped_directory(void) {
  static const char *const kinds[] = {"/srv/d/shadow", "/srv/d/new"};
  fixture_open(&fixture);
  CHECK(mkdir(scratch("tree/srv"), 0755) == 0 && mkdir(scratch("tree/srv/d"), 0755) == 0);
  CHECK(mkdir(scratch("tree/etc"), 0755) == 0);
  make_file("tree/etc/shadow", "secret");
  CHECK(rename(scratch("tree/srv/d"), scratch("tree/srv/aside")) == 0);
  CHECK(symlink("../etc", scratch("tree/srv/d")) == 0);
  struct change change = new_change(CHANGE_SET_ATTRIBUTES, kinds[0]);
  change.mode = 0666;
  change.expect = (struct expect){.flags = EXPECT_TYPE | EXPECT_REAL, .type = TYPE_FILE, .real = kinds[0]};
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  change.kind = CHANGE_REMOVE;
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  change = new_write(kinds[1], "new");
  change.expect = (struct expect){.flags = EXPECT_TYPE | EXPECT_REAL, .type = TYPE_ABSENT, .real = kinds[1]};
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  change.expect = (struct expect){.flags = EXPECT_REAL, .real = kinds[1]};
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  CHECK_EQUAL(count_entries("tree/etc"), 1);
  CHECK_TEXT(content_of("tree/etc/shadow"), "secret");
  // A link that was there when it was looked at is no obstacle.
  change.expect.real = "/etc/new";
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("tree/etc/new"), "new");
  fixture_close(&fixture);
}

static void test_compare_and_swap(void) {
  struct change change = new_write("/file", "new");
  fixture_open(&fixture);
  make_file("tree/file", "old");
  change.expect = (struct expect){.flags = EXPECT_SHA256, .sha256 = sha256_of("other")};
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  change.expect.sha256 = sha256_of("old");
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  change.expect = (struct expect){.flags = EXPECT_TYPE, .type = TYPE_ABSENT};
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  change.expect.type = TYPE_DIRECTORY;
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  change.expect = (struct expect){.flags = EXPECT_MODE, .mode = 0600};
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  change.expect = (struct expect){.flags = EXPECT_OWNER, .uid = 9999, .gid = 0};
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  change.path = "/absent";
  change.expect = (struct expect){.flags = EXPECT_MODE, .mode = 0600};
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  change.expect = (struct expect){.flags = EXPECT_TYPE, .type = TYPE_ABSENT};
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK(symlink("to", scratch("tree/link")) == 0);
  change = new_change(CHANGE_MAKE_LINK, "/link");
  change.other = "elsewhere";
  change.expect = (struct expect){.flags = EXPECT_TARGET, .target = {(const uint8_t *)"from", 4}};
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  change.expect.target = (struct bytes){(const uint8_t *)"to", 2};
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(target_of("tree/link"), "elsewhere");
  CHECK_TEXT(content_of("tree/file"), "new");
  CHECK_EQUAL(count_entries("tree"), 3);
  fixture_close(&fixture);
}

static void test_directories(void) {
  struct change change = new_change(CHANGE_MAKE_DIRECTORY, "/d");
  fixture_open(&fixture);
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(mode_of("tree/d"), 0755);
  CHECK_EQUAL(does(&fixture, &change), 1);
  change.expect = (struct expect){.flags = EXPECT_TYPE, .type = TYPE_ABSENT};
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  change.path = "/d/e";
  change.mode = 01777;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(mode_of("tree/d/e"), 01777);
  change.path = "/x/y";
  CHECK_EQUAL(does(&fixture, &change), 1);
  CHECK(symlink("..", scratch("tree/up")) == 0);
  change.path = "/up/up/made";
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(mode_of("tree/made"), 01777);
  change.path = "/up/made";
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  fixture_close(&fixture);
}

static void test_names(void) {
  struct change change = new_change(CHANGE_MAKE_LINK, "/link");
  fixture_open(&fixture);
  change.other = "/anywhere";
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(target_of("tree/link"), "/anywhere");
  make_file("tree/file", "x");
  change.path = "/file";
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(target_of("tree/file"), "/anywhere");
  make_directory("tree/d");
  change.path = "/d";
  CHECK_EQUAL(does(&fixture, &change), 1);
  make_file("tree/source", "s");
  change = new_change(CHANGE_HARD_LINK, "/hard");
  change.other = "/source";
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(stat_of("tree/source").st_nlink, 2);
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(stat_of("tree/source").st_nlink, 2);
  change.path = "/file";
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(stat_of("tree/file").st_ino, stat_of("tree/source").st_ino);
  change = new_change(CHANGE_RENAME, "/source");
  change.other = "/d/moved";
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("tree/d/moved"), "s");
  CHECK_EQUAL(does(&fixture, &change), 1);
  change = new_change(CHANGE_RENAME, "/hard");
  change.other = "/d";
  CHECK_EQUAL(does(&fixture, &change), 1);
  CHECK_EQUAL(count_entries("tree"), 4);
  fixture_close(&fixture);
}

static void test_renames(void) {
  struct change change = new_change(CHANGE_RENAME, "/new");
  fixture_open(&fixture);
  make_directory("tree/new");
  make_file("tree/new/file", "new");
  make_directory("tree/old");
  make_file("tree/old/file", "old");
  change.other = "/old";
  change.flags = RENAME_NEW;
  CHECK_EQUAL(does(&fixture, &change), 1);
  change.flags = RENAME_SWAP;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("tree/old/file"), "new");
  CHECK_TEXT(content_of("tree/new/file"), "old");
  change.other = "/none";
  CHECK_EQUAL(does(&fixture, &change), 1);
  change.flags = RENAME_NEW;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("tree/none/file"), "old");
  make_file("tree/a", "a");
  make_file("tree/b", "b");
  change.path = "/a";
  change.other = "/b";
  CHECK_EQUAL(does(&fixture, &change), 1);
  change.flags = RENAME_SWAP;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("tree/a"), "b");
  // Not as it was seen: nothing moves.
  change.expect = (struct expect){.flags = EXPECT_TYPE, .type = TYPE_DIRECTORY};
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  CHECK_TEXT(content_of("tree/a"), "b");
  fixture_close(&fixture);
}

static void test_remove(void) {
  struct change change = new_change(CHANGE_REMOVE, "/d");
  fixture_open(&fixture);
  make_directory("outside");
  make_file("outside/kept", "host");
  make_directory("tree/d");
  make_directory("tree/d/e");
  make_file("tree/d/e/f", "");
  CHECK(symlink("../../outside", scratch("tree/d/link")) == 0);
  CHECK(symlink(scratch("outside"), scratch("tree/d/e/absolute")) == 0);
  CHECK_EQUAL(does(&fixture, &change), 1);
  change.flags = REMOVE_ALL;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("outside/kept"), "host");
  CHECK_EQUAL(does(&fixture, &change), 1);
  change.path = "/";
  CHECK_EQUAL(does(&fixture, &change), REFUSED);
  make_file("tree/file", "x");
  change.path = "/file";
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(count_entries("tree"), 0);
  fixture_close(&fixture);
}

// A bind mount is of the same device: only the mount itself tells that it is the host's.
static void test_remove_mount(void) {
  struct change change = new_change(CHANGE_REMOVE, "/d");
  struct change directly = new_change(CHANGE_REMOVE, "/d/m");
  fixture_open(&fixture);
  make_directory("host");
  make_file("host/kept", "host");
  make_directory("tree/d");
  make_directory("tree/d/m");
  CHECK(mount(scratch("host"), scratch("tree/d/m"), NULL, MS_BIND, NULL) == 0);
  change.flags = directly.flags = REMOVE_ALL;
  CHECK_EQUAL(does(&fixture, &change), REFUSED);
  CHECK_EQUAL(does(&fixture, &directly), REFUSED);
  CHECK_TEXT(content_of("host/kept"), "host");
  CHECK(umount(scratch("tree/d/m")) == 0);
  CHECK_EQUAL(does(&fixture, &change), 0);
  fixture_close(&fixture);
}

// Kernels before 5.8: neither openat2 nor an attribute of statx tells a bind mount of the same file system.
static void test_remove_mount_on_old_kernels(void) {
  struct change change = new_change(CHANGE_REMOVE, "/d");
  int end = 0;
  fixture_open(&fixture);
  fixture.tree.root.has_openat2 = false;
  make_directory("host");
  make_file("host/kept", "host");
  make_directory("tree/d");
  make_directory("tree/d/m");
  CHECK(mount(scratch("host"), scratch("tree/d/m"), NULL, MS_BIND, NULL) == 0);
  change.flags = REMOVE_ALL;
  pid_t child = fork();
  if (child == 0) {
    fixture.tree.root.proc_fd = open_proc_fd();
    forbid_calls("openat2,statx");
    _exit(does(&fixture, &change));
  }
  CHECK(waitpid(child, &end, 0) == child && WIFEXITED(end));
  CHECK_EQUAL(WEXITSTATUS(end), REFUSED);
  CHECK_TEXT(content_of("host/kept"), "host");
  CHECK(umount(scratch("tree/d/m")) == 0);
  fixture_close(&fixture);
}

static void test_overlays(void) {
  char lower[600], upper[600], work[600];
  struct change change = new_change(CHANGE_MOUNT_OVERLAY, "/fs/merged");
  struct change away = new_change(CHANGE_UNMOUNT, "/fs/merged");
  struct err err;
  fixture_open(&fixture);
  // Whatever the scratch directory lies on: a file system that can hold an upper layer.
  make_directory("tree/fs");
  CHECK(mount("overlay-test", scratch("tree/fs"), "tmpfs", 0, NULL) == 0);
  for (const char *const *name = (const char *const[]){"lower", "upper", "work", NULL}; *name != NULL; name++) {
    char path[64];
    snprintf(path, sizeof path, "tree/fs/%s", *name);
    make_directory(path);
  }
  make_file("tree/fs/lower/file", "base");
  snprintf(lower, sizeof lower, "%s", scratch("tree/fs/lower"));
  snprintf(upper, sizeof upper, "%s", scratch("tree/fs/upper"));
  snprintf(work, sizeof work, "%s", scratch("tree/fs/work"));
  change.other = lower;
  change.upper = upper;
  change.work = "/none/work";
  CHECK_EQUAL(attempt(&fixture, &change, &err), 1);
  CHECK(access(scratch("tree/fs/merged"), F_OK) != 0);
  change.work = work;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("tree/fs/merged/file"), "base");
  make_file("tree/fs/merged/file", "changed");
  CHECK_TEXT(content_of("tree/fs/lower/file"), "base");
  CHECK_TEXT(content_of("tree/fs/upper/file"), "changed");
  away.flags = UNMOUNT_REMOVE;
  int inside = open(scratch("tree/fs/merged"), O_RDONLY | O_DIRECTORY);
  CHECK_EQUAL(attempt(&fixture, &away, &err), 1);
  CHECK_EQUAL(err.errno_, EBUSY);
  CHECK_TEXT(content_of("tree/fs/merged/file"), "changed");
  close(inside);
  CHECK_EQUAL(does(&fixture, &away), 0);
  CHECK(access(scratch("tree/fs/merged"), F_OK) != 0);
  CHECK_EQUAL(does(&fixture, &away), 1);
  // In the place of another one.
  CHECK_EQUAL(does(&fixture, &change), 0);
  make_directory("tree/fs/upper2");
  make_directory("tree/fs/work2");
  make_file("tree/fs/upper2/file", "another");
  struct change next = change;
  char upper2[600], work2[600];
  snprintf(upper2, sizeof upper2, "%s", scratch("tree/fs/upper2"));
  snprintf(work2, sizeof work2, "%s", scratch("tree/fs/work2"));
  next.upper = upper2;
  next.work = work2;
  next.flags = OVERLAY_REPLACES;
  inside = open(scratch("tree/fs/merged"), O_RDONLY | O_DIRECTORY);
  CHECK_EQUAL(attempt(&fixture, &next, &err), 1);
  CHECK_EQUAL(err.errno_, EBUSY);
  CHECK_TEXT(content_of("tree/fs/merged/file"), "changed");
  close(inside);
  CHECK_EQUAL(does(&fixture, &next), 0);
  CHECK_TEXT(content_of("tree/fs/merged/file"), "another");
  // It is the only one.
  CHECK_EQUAL(does(&fixture, &away), 0);
  CHECK(access(scratch("tree/fs/merged"), F_OK) != 0);
  CHECK_EQUAL(does(&fixture, &next), 1);
  // Where no mount is, nothing is removed.
  away.path = "/fs/lower";
  CHECK_EQUAL(attempt(&fixture, &away, &err), 1);
  CHECK_TEXT(content_of("tree/fs/lower/file"), "base");
  // A link is not followed to what is mounted elsewhere.
  CHECK(symlink(".", scratch("tree/fs/link")) == 0);
  away.path = "/fs/link";
  CHECK_EQUAL(does(&fixture, &away), 1);
  CHECK(umount(scratch("tree/fs")) == 0);
  fixture_close(&fixture);
}

static void test_attributes(void) {
  struct change change = new_change(CHANGE_SET_ATTRIBUTES, "/file");
  fixture_open(&fixture);
  make_file("tree/file", "x");
  change.mode = 04755;
  if (geteuid() == 0) change.uid = 5;
  change.atime = (struct time_spec){2, {100, 0}};
  change.mtime = (struct time_spec){2, {200, 0}};
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(mode_of("tree/file"), 04755);
  CHECK_EQUAL(stat_of("tree/file").st_mtime, 200);
  CHECK_EQUAL(stat_of("tree/file").st_atime, 100);
  if (geteuid() == 0) {
    struct change owner = new_change(CHANGE_SET_ATTRIBUTES, "/file");
    owner.gid = 6;
    CHECK_EQUAL(does(&fixture, &owner), 0);
    // The kernel takes setuid away at a change of owner: the mode was to be kept.
    CHECK_EQUAL(mode_of("tree/file"), 04755);
    CHECK_EQUAL(stat_of("tree/file").st_uid, 5);
  }
  CHECK(symlink("file", scratch("tree/link")) == 0);
  change = new_change(CHANGE_SET_ATTRIBUTES, "/link");
  change.flags = ATTRIBUTES_FOLLOW;
  change.mode = 0600;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(mode_of("tree/file"), 0600);
  change.path = "/";
  change.mode = 0700;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(mode_of("tree"), 0700);
  change.path = "/none";
  CHECK_EQUAL(does(&fixture, &change), 1);
  fixture_close(&fixture);
}

// A link to a file of the host's, in the same file system: its owner must not change with it.
static void test_hard_links(void) {
  struct change change = new_change(CHANGE_SET_ATTRIBUTES, "/shadow");
  fixture_open(&fixture);
  make_file("shadow", "secret");
  CHECK(chmod(scratch("shadow"), 0600) == 0);
  CHECK(link(scratch("shadow"), scratch("tree/shadow")) == 0);
  change.mode = 0666;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(mode_of("shadow"), 0600);
  CHECK_EQUAL(mode_of("tree/shadow"), 0666);
  CHECK_TEXT(content_of("tree/shadow"), "secret");
  CHECK_EQUAL(stat_of("shadow").st_nlink, 1);
  CHECK(unlink(scratch("tree/shadow")) == 0 && link(scratch("shadow"), scratch("tree/shadow")) == 0);
  change.flags = ATTRIBUTES_ALLOW_HARD_LINKS;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(mode_of("shadow"), 0666);
  CHECK(mkfifo(scratch("fifo"), 0600) == 0 && link(scratch("fifo"), scratch("tree/fifo")) == 0);
  change = new_change(CHANGE_SET_ATTRIBUTES, "/fifo");
  change.mode = 0666;
  CHECK_EQUAL(does(&fixture, &change), REFUSED);
  CHECK_EQUAL(mode_of("fifo"), 0600);
  fixture_close(&fixture);
}

static void test_copy(void) {
  struct change change = new_change(CHANGE_COPY_FILE, "/to");
  fixture_open(&fixture);
  make_file("tree/from", "content");
  change.other = "/from";
  change.mode = 0600;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_TEXT(content_of("tree/to"), "content");
  CHECK_EQUAL(mode_of("tree/to"), 0600);
  struct timespec times[2] = {{100, 0}, {200, 0}};
  CHECK(utimensat(AT_FDCWD, scratch("tree/from"), times, 0) == 0);
  change.flags = COPY_KEEP_TIMES | COPY_KEEP_XATTRS;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(stat_of("tree/to").st_mtime, 200);
  CHECK(mkfifo(scratch("tree/fifo"), 0600) == 0);
  change.other = "/fifo";
  CHECK_EQUAL(does(&fixture, &change), REFUSED);
  make_file("secret", "host");
  CHECK(symlink("../secret", scratch("tree/link")) == 0);
  change.other = "/link";
  change.flags = COPY_FOLLOW;
  CHECK_EQUAL(does(&fixture, &change), 1);
  CHECK_TEXT(content_of("tree/to"), "content");
  make_file_sized("tree/sparse", (size_t)64 << 20);
  change.other = "/sparse";
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(stat_of("tree/to").st_size, 64 << 20);
  fixture_close(&fixture);
}

static void test_kernel(void) {
  struct change change = new_change(CHANGE_WRITE_KERNEL, "/proc/self/comm");
  fixture_open(&fixture);
  change.at_host = true;
  change.value = (struct bytes){(const uint8_t *)"renamed", 7};
  CHECK_EQUAL(does(&fixture, &change), 0);
  change.has_current = true;
  change.current = (struct bytes){(const uint8_t *)"renamed", 7};
  change.value = (struct bytes){(const uint8_t *)"again\n", 6};
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  make_file("tree/plain", "x");
  change.path = "/plain";
  change.at_host = change.has_current = false;
  CHECK_EQUAL(does(&fixture, &change), REFUSED);
  CHECK_TEXT(content_of("tree/plain"), "x");
  fixture_close(&fixture);
}

static int locked_by_child(void) {
  struct flock wanted = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int status;
  pid_t pid = fork();
  if (pid == 0) {
    int fd = open(scratch("tree/.pwd.lock"), O_RDWR);
    _exit(fd < 0 ? 2 : fcntl(fd, F_SETLK, &wanted) == 0 ? 0 : 1);
  }
  waitpid(pid, &status, 0);
  return WEXITSTATUS(status);
}

static void test_locks(void) {
  struct change change = new_change(CHANGE_LOCK, "/.pwd.lock");
  fixture_open(&fixture);
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(mode_of("tree/.pwd.lock"), 0600);
  CHECK_EQUAL(locked_by_child(), 1);
  // Reading the file, or closing another descriptor of it, must not give the lock away.
  CHECK_TEXT(content_of("tree/.pwd.lock"), "");
  CHECK_EQUAL(locked_by_child(), 1);
  struct change second = change;
  second.timeout_ms = 30;
  CHECK_EQUAL(does(&fixture, &second), 1 + FAILURE_DEADLINE);
  change.kind = CHANGE_UNLOCK;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(locked_by_child(), 0);
  CHECK_EQUAL(does(&fixture, &change), 1 + FAILURE_BAD_REQUEST);
  fixture_close(&fixture);
}

static void test_immutable(void) {
  struct change change = new_change(CHANGE_SET_ATTRIBUTES, "/file");
  struct change write = new_write("/file", "new");
  fixture_open(&fixture);
  make_file("tree/file", "x");
  change.flags_set = FS_IMMUTABLE_FL;
  if (does(&fixture, &change) == 0) {
    CHECK_EQUAL(does(&fixture, &write), 1);
    CHECK_EQUAL(count_entries("tree"), 1);
    change.flags_set = 0;
    change.flags_clear = FS_IMMUTABLE_FL;
    change.mode = 0600;
    CHECK_EQUAL(does(&fixture, &change), 0);
    CHECK_EQUAL(mode_of("tree/file"), 0600);
    CHECK_EQUAL(does(&fixture, &write), 0);
  }
  fixture_close(&fixture);
}

void change_tests(void) {
  test_run("WRITE_FILE makes a whole file with its owner, mode and time", test_write_new);
  test_run("WRITE_FILE replaces a file by a new inode and keeps mode, owner and attributes", test_write_over);
  test_run("WRITE_FILE follows a link only where asked, and only beneath the root", test_write_links);
  test_run("writing in place keeps the inode, and is refused where another name would change", test_write_in_place);
  test_run("a change is refused as a conflict where the thing is not as expected", test_compare_and_swap);
  test_run("a change does not follow a link that was put in its way since the look", test_swapped_directory);
  test_run("MAKE_DIRECTORY makes one level beneath the root", test_directories);
  test_run("links, hard links and renames replace what is no directory, and leave no other names", test_names);
  test_run("RENAME exchanges two names, or takes only a free one, directories too", test_renames);
  test_run("REMOVE takes all beneath, follows no link and spares the root", test_remove);
  if (geteuid() == 0) {
    test_run("REMOVE stops at a bind mount, which is the host's", test_remove_mount);
    test_run("REMOVE stops at a bind mount where neither openat2 nor statx tell it", test_remove_mount_on_old_kernels);
  } else {
    test_skip("REMOVE stops at a bind mount, which is the host's", "needs root for a mount");
  }
  if (geteuid() == 0) test_run("MOUNT_OVERLAY and UNMOUNT take the directory along, or fail with nothing done", test_overlays);
  else test_skip("MOUNT_OVERLAY and UNMOUNT take the directory along, or fail with nothing done", "needs root for a mount");
  test_run("SET_ATTRIBUTES changes what was asked and keeps setuid through a change of owner", test_attributes);
  test_run("a file with another name gets a copy of its own before its attributes change", test_hard_links);
  test_run("COPY_FILE copies regular files of the tree alone", test_copy);
  test_run("WRITE_KERNEL writes to kernel file systems alone, and compares first", test_kernel);
  test_run("LOCK excludes lckpwdf's lock until UNLOCK, whatever else is closed", test_locks);
  test_run("an immutable file is a failure that leaves nothing behind, until its flag is cleared", test_immutable);
}
