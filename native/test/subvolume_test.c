// Subvolumes of a real btrfs file system: what SUBVOLUME, SET_SUBVOLUME and REMOVE make of them, and what STAT tells.
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "subvolume.h"
#include "test.h"

static struct fixture fixture;

static bool runs(const char *format, const char *first, const char *second) {
  char command[1400];
  snprintf(command, sizeof command, format, first, second);
  return system(command) == 0;
}

// A file system of its own at /pool of the tree.
static bool open_pool(void) {
  fixture_open(&fixture);
  make_directory("tree/pool");
  make_file_sized("disk", (size_t)128 << 20);
  return CHECK(runs("mkfs.btrfs --quiet '%1$s' >/dev/null 2>&1 && mount -o loop,noatime '%1$s' '%2$s'", scratch("disk"),
                    scratch("tree/pool")));
}

static void close_pool(void) {
  CHECK(umount2(scratch("tree/pool"), MNT_DETACH) == 0);
  fixture_close(&fixture);
}

static int make(const char *path, const char *from, unsigned flags) {
  struct change change = new_change(CHANGE_SUBVOLUME, path);
  change.other = from;
  change.flags = (uint8_t)flags;
  return does(&fixture, &change);
}

static int takes_away(const char *path, unsigned flags) {
  struct change change = new_change(CHANGE_REMOVE, path);
  change.flags = (uint8_t)flags;
  return does(&fixture, &change);
}

// 0 no subvolume, 1 one, 2 a read-only one, as STAT tells; the file system's number in `type`.
static uint8_t kind_of(const char *path, uint64_t *type) {
  auto_buffer struct buffer out = {0};
  struct probe probe = {.kind = PROBE_STAT, .path = path, .flags = PROBE_FILE_SYSTEM};
  struct err err;
  struct cursor cursor;
  if (!CHECK(probe_stat(&fixture.tree, &probe, &out, &err) == 0 && out.length > 9)) return 255;
  cursor = (struct cursor){.at = out.data + out.length - 9, .left = 9};
  *type = get_u64(&cursor);
  return get_u8(&cursor);
}

static void test_kinds(void) {
  uint64_t type;
  if (!open_pool()) return;
  CHECK_EQUAL(make("/pool/base", "", 0), 0);
  CHECK_EQUAL(kind_of("/pool/base", &type), 1);
  CHECK_EQUAL(type, BTRFS_SUPER_MAGIC);
  struct stat status;
  CHECK(stat(scratch("tree/pool/base"), &status) == 0 && (status.st_mode & 07777) == 0755);
  make_directory("tree/pool/plain");
  CHECK_EQUAL(kind_of("/pool/plain", &type), 0);
  CHECK_EQUAL(kind_of("/none", &type), 0);
  CHECK_EQUAL(type, 0);
  CHECK_EQUAL(make("/pool/empty", "", SUBVOLUME_READ_ONLY), 0);
  CHECK_EQUAL(kind_of("/pool/empty", &type), 2);
  struct change change = new_change(CHANGE_SET_SUBVOLUME, "/pool/base");
  change.flags = SUBVOLUME_READ_ONLY;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(kind_of("/pool/base", &type), 2);
  CHECK(open(scratch("tree/pool/base/new"), O_CREAT | O_WRONLY, 0644) < 0 && errno == EROFS);
  change.flags = 0;
  CHECK_EQUAL(does(&fixture, &change), 0);
  make_file("tree/pool/base/new", "x");
  change.path = "/pool/plain";
  CHECK_EQUAL(does(&fixture, &change), REFUSED);
  change.path = "/pool/none";
  CHECK_EQUAL(does(&fixture, &change), 1);
  close_pool();
}

static void test_refusals(void) {
  if (!open_pool()) return;
  CHECK_EQUAL(make("/outside", "", 0), REFUSED);
  CHECK_EQUAL(make("/pool/none/base", "", 0), 1);
  CHECK_EQUAL(make("/pool/base", "", 0), 0);
  CHECK_EQUAL(make("/pool/base", "", 0), 1);
  make_directory("tree/plain");
  make_directory("tree/pool/plain");
  CHECK_EQUAL(make("/pool/clone", "/pool/plain", 0), REFUSED);
  CHECK_EQUAL(make("/pool/clone", "/plain", 0), REFUSED);
  CHECK_EQUAL(make("/pool/clone", "/pool/none", 0), 1);
  CHECK_EQUAL(make("/clone", "/pool/base", 0), REFUSED);
  // A link out of the tree leads to the tree's own root.
  CHECK(symlink("../../../../../..", scratch("tree/pool/out")) == 0);
  CHECK_EQUAL(make("/pool/out/pool/inside", "", 0), 0);
  CHECK_TEXT(content_of("tree/pool/inside"), "(absent)");
  CHECK(access(scratch("tree/pool/inside"), F_OK) == 0);
  CHECK_EQUAL(count_entries("tree/pool"), 4);
  close_pool();
}

// base/{file, deep/sub/{inner, below/{low}}}, sub and below being subvolumes.
static void make_nest(void) {
  CHECK_EQUAL(make("/pool/base", "", 0), 0);
  make_file("tree/pool/base/file", "base");
  make_directory("tree/pool/base/deep");
  CHECK_EQUAL(make("/pool/base/deep/sub", "", 0), 0);
  make_file("tree/pool/base/deep/sub/inner", "inner");
  CHECK_EQUAL(make("/pool/base/deep/sub/below", "", 0), 0);
  make_file("tree/pool/base/deep/sub/below/low", "low");
}

static void test_snapshots(void) {
  uint64_t type;
  if (!open_pool()) return;
  make_nest();
  CHECK_EQUAL(make("/pool/clone", "/pool/base", 0), 0);
  make_file("tree/pool/clone/file", "clone");
  CHECK_TEXT(content_of("tree/pool/base/file"), "base");
  CHECK_TEXT(content_of("tree/pool/clone/deep/sub/inner"), "inner");
  CHECK_TEXT(content_of("tree/pool/clone/deep/sub/below/low"), "low");
  struct stat of_base, of_clone;
  CHECK(stat(scratch("tree/pool/base/deep"), &of_base) == 0 && stat(scratch("tree/pool/clone/deep"), &of_clone) == 0);
  CHECK_EQUAL(of_clone.st_mtim.tv_nsec, of_base.st_mtim.tv_nsec);
  CHECK_EQUAL(kind_of("/pool/clone/deep/sub/below", &type), 1);
  CHECK_EQUAL(make("/pool/frozen", "/pool/base", SUBVOLUME_READ_ONLY), 0);
  CHECK_EQUAL(kind_of("/pool/frozen", &type), 2);
  CHECK_EQUAL(kind_of("/pool/frozen/deep/sub/below", &type), 2);
  CHECK_TEXT(content_of("tree/pool/frozen/deep/sub/below/low"), "low");
  CHECK_EQUAL(make("/pool/thawed", "/pool/frozen", 0), 0);
  CHECK_EQUAL(kind_of("/pool/thawed/deep/sub", &type), 1);
  make_file("tree/pool/thawed/deep/sub/below/low", "thawed");
  CHECK_TEXT(content_of("tree/pool/frozen/deep/sub/below/low"), "low");
  close_pool();
}

static void test_removal(void) {
  if (!open_pool()) return;
  make_nest();
  CHECK_EQUAL(make("/pool/frozen", "/pool/base", SUBVOLUME_READ_ONLY), 0);
  CHECK_EQUAL(takes_away("/pool/base", REMOVE_ALL), REFUSED);
  CHECK_TEXT(content_of("tree/pool/base/deep/sub/inner"), "inner");
  CHECK_EQUAL(takes_away("/pool/frozen", REMOVE_ALL | REMOVE_SUBVOLUMES), 0);
  CHECK(access(scratch("tree/pool/frozen"), F_OK) != 0);
  make_directory("tree/pool/plain");
  CHECK_EQUAL(make("/pool/plain/frozen", "/pool/base", SUBVOLUME_READ_ONLY), 0);
  make_directory("tree/pool/plain/more");
  CHECK_EQUAL(make("/pool/plain/more/clone", "/pool/base", 0), 0);
  CHECK_EQUAL(takes_away("/pool/plain", REMOVE_ALL | REMOVE_SUBVOLUMES), 0);
  CHECK_EQUAL(count_entries("tree/pool"), 1);
  CHECK_EQUAL(make("/pool/empty", "", 0), 0);
  CHECK_EQUAL(takes_away("/pool/empty", 0), 0);
  close_pool();
}

// What is mounted on, or in, what is removed is another's.
static void test_removal_of_mounts(void) {
  if (!open_pool()) return;
  make_directory("host");
  make_file("host/kept", "host");
  make_directory("tree/pool/plain");
  CHECK_EQUAL(make("/pool/plain/sub", "", 0), 0);
  CHECK(mount(scratch("host"), scratch("tree/pool/plain/sub"), NULL, MS_BIND, NULL) == 0);
  CHECK_EQUAL(takes_away("/pool/plain", REMOVE_ALL | REMOVE_SUBVOLUMES), REFUSED);
  CHECK_TEXT(content_of("host/kept"), "host");
  CHECK(umount(scratch("tree/pool/plain/sub")) == 0);
  CHECK_EQUAL(takes_away("/pool/plain", REMOVE_ALL | REMOVE_SUBVOLUMES), 0);
  close_pool();
}

// In a child that may not destroy subvolumes, but owns them: they are emptied and removed as directories.
static void test_removal_without_rights(void) {
  int status;
  if (!open_pool()) return;
  make_nest();
  CHECK(runs("chown -R 1234:1234 '%s' '%s'", scratch("tree/pool"), scratch("tree/pool/base")));
  pid_t pid = fork();
  if (pid == 0) {
    if (setgid(1234) != 0 || setuid(1234) != 0) _exit(99);
    _exit(takes_away("/pool/base", REMOVE_ALL | REMOVE_SUBVOLUMES));
  }
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
  CHECK_EQUAL(WEXITSTATUS(status), 0);
  CHECK_EQUAL(count_entries("tree/pool"), 0);
  close_pool();
}

void subvolume_tests(void) {
  static const struct {
    const char *name;
    void (*body)(void);
  } tests[] = {
      {"SUBVOLUME makes one, STAT tells of it, SET_SUBVOLUME makes it read-only and writable", test_kinds},
      {"SUBVOLUME refuses other file systems, other sources and taken names", test_refusals},
      {"a snapshot holds the subvolumes beneath its source, too", test_snapshots},
      {"REMOVE takes subvolumes where asked, read-only and nested ones", test_removal},
      {"REMOVE stops at a mount on a subvolume", test_removal_of_mounts},
      {"REMOVE empties the subvolumes that it may not destroy", test_removal_without_rights},
  };
  bool can = geteuid() == 0 && system("command -v mkfs.btrfs >/dev/null") == 0;
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
    if (can) test_run(tests[i].name, tests[i].body);
    else test_skip(tests[i].name, "needs root and mkfs.btrfs");
  }
}
