// The path primitive: what is found where, and that nothing leads out of the root.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"
#include "test.h"

static struct fixture fixture;

// Looks a path up; the canonical path, or the errno's name, or "absent:" and the canonical path.
static const char *find(const char *path, unsigned flags) {
  static char text[PATH_MAX + 16];
  struct place place = PLACE_NONE;
  struct err err;
  if (place_find(&fixture.tree.root, path, flags, &place, &err) != 0)
    snprintf(text, sizeof text, "errno %d", err.errno_);
  else snprintf(text, sizeof text, "%s%s", place.fd < 0 ? "absent:" : "", place.real);
  place_close(&place);
  return text;
}

static const char *kind_of(const char *path, unsigned flags) {
  static const char *const names[] = {"absent", "file", "directory", "link", "block", "char", "fifo", "socket"};
  struct place place = PLACE_NONE;
  struct err err;
  const char *name = "failed";
  if (place_find(&fixture.tree.root, path, flags, &place, &err) == 0)
    name = names[place.fd < 0 ? 0 : stat_type_of(place.stat.st_mode)];
  place_close(&place);
  return name;
}

static void link_to(const char *target, const char *name) {
  CHECK(symlink(target, scratch(name)) == 0);
}

static void test_plain(void) {
  fixture_open(&fixture);
  make_directory("tree/etc");
  make_file("tree/etc/passwd", "x");
  for (unsigned flags = 0; flags < 4; flags++) {
    CHECK_TEXT(find("/etc/passwd", flags), "/etc/passwd");
    CHECK_TEXT(find("/etc/", flags), "/etc");
    CHECK_TEXT(find("//etc/./passwd", flags), "/etc/passwd");
    CHECK_TEXT(find("/etc/../etc/passwd", flags), "/etc/passwd");
    CHECK_TEXT(find("/", flags), "/");
    CHECK_TEXT(find("/etc/..", flags), "/");
    CHECK_TEXT(find("/etc/nothing", flags), "absent:/etc/nothing");
    CHECK_TEXT(find("/no/such/thing", flags), "absent:/no/such/thing");
    CHECK_TEXT(find("/etc/passwd/x/y", flags), "absent:/etc/passwd/x/y");
    CHECK_TEXT(find("etc", flags), "errno 0");
  }
  fixture_close(&fixture);
}

static void test_links(void) {
  fixture_open(&fixture);
  make_directory("tree/usr");
  make_directory("tree/usr/bin");
  make_file("tree/usr/bin/sh", "x");
  link_to("usr/bin", "tree/bin");
  link_to("/usr/bin/sh", "tree/absolute");
  link_to("bin/sh", "tree/twice");
  link_to("missing/below", "tree/dangling");
  link_to("loop-b", "tree/loop-a");
  link_to("loop-a", "tree/loop-b");
  for (unsigned flags = 0; flags < 4; flags += 2) {
    CHECK_TEXT(find("/bin/sh", flags), "/usr/bin/sh");
    CHECK_TEXT(find("/absolute", flags), "/absolute");
    CHECK_TEXT(kind_of("/absolute", flags), "link");
    CHECK_TEXT(find("/absolute", flags | PLACE_FOLLOW), "/usr/bin/sh");
    CHECK_TEXT(find("/twice", flags | PLACE_FOLLOW), "/usr/bin/sh");
    CHECK_TEXT(find("/dangling", flags | PLACE_FOLLOW), "absent:/missing/below");
    CHECK_TEXT(kind_of("/dangling", flags), "link");
    CHECK_TEXT(find("/bin/none/x", flags), "absent:/usr/bin/none/x");
    CHECK_TEXT(kind_of("/loop-a", flags), "link");
    CHECK_EQUAL(strcmp(find("/loop-a", flags | PLACE_FOLLOW), "errno 40"), 0);
    CHECK_EQUAL(strcmp(find("/loop-a/x", flags), "errno 40"), 0);
  }
  fixture_close(&fixture);
}

static void test_contained(void) {
  fixture_open(&fixture);
  make_file("secret", "host");
  make_directory("host");
  make_file("host/secret", "host");
  make_directory("tree/a");
  link_to("../secret", "tree/up");
  link_to("../../../../../../../../../../etc/passwd", "tree/far");
  link_to(scratch("secret"), "tree/absolute");
  link_to("..", "tree/a/parent");
  link_to("/", "tree/a/root");
  link_to(scratch("host"), "tree/a/directory");
  for (unsigned flags = PLACE_FOLLOW; flags < 4; flags += 2) {
    CHECK_TEXT(find("/up", flags), "absent:/secret");
    CHECK_TEXT(find("/far", flags), "absent:/etc/passwd");
    CHECK(strncmp(find("/absolute", flags), "absent:/", 8) == 0);
    CHECK_TEXT(find("/a/parent/parent", flags), "absent:/parent");
    CHECK_TEXT(find("/a/parent/../../../secret", flags), "absent:/secret");
    CHECK_TEXT(find("/../secret", flags), "absent:/secret");
    CHECK_TEXT(find("/a/root/a/root", flags), "/");
    CHECK(strncmp(find("/a/directory/secret", flags), "absent:/", 8) == 0);
  }
  fixture_close(&fixture);
}

static void test_types(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int server = socket(AF_UNIX, SOCK_STREAM, 0);
  fixture_open(&fixture);
  CHECK(mkfifo(scratch("tree/fifo"), 0600) == 0);
  CHECK(mknod(scratch("tree/null"), S_IFCHR | 0600, makedev(1, 3)) == 0 || geteuid() != 0);
  snprintf(address.sun_path, sizeof address.sun_path, "%s", scratch("tree/socket"));
  CHECK(bind(server, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK_TEXT(kind_of("/fifo", 0), "fifo");
  CHECK_TEXT(kind_of("/socket", PLACE_FOLLOW), "socket");
  if (geteuid() == 0) CHECK_TEXT(kind_of("/null", PLACE_FOLLOW | PLACE_PARENT), "char");
  close(server);
  fixture_close(&fixture);
}

static void test_long(void) {
  char path[PATH_MAX + 300];
  fixture_open(&fixture);
  memset(path, 'a', sizeof path);
  path[0] = '/';
  path[300] = '\0';
  CHECK_TEXT(find(path, 0), "errno 36");
  path[300] = 'a';
  for (size_t i = 0; i < sizeof path; i += 200) path[i] = '/';
  path[sizeof path - 1] = '\0';
  CHECK_TEXT(find(path, PLACE_PARENT), "errno 36");
  fixture_close(&fixture);
}

// A link of procfs jumps to an object wherever it lies: /proc/self/root leads to the host's own root.
static void test_magic_links(void) {
  fixture_open(&fixture);
  make_directory("tree/proc");
  if (mount("proc", scratch("tree/proc"), "proc", 0, NULL) != 0) {
    fixture_close(&fixture);
    return;
  }
  CHECK_TEXT(find("/proc/self/root/etc/passwd", 0), "errno 40");
  CHECK_TEXT(find("/proc/self/root", PLACE_FOLLOW), "errno 40");
  CHECK_TEXT(find("/proc/self/cwd/x", PLACE_PARENT), "errno 40");
  CHECK_TEXT(kind_of("/proc/self/status", PLACE_FOLLOW), "file");
  CHECK(umount(scratch("tree/proc")) == 0);
  fixture_close(&fixture);
}

void path_tests(void) {
  test_run("a path is found by its canonical form, and absence tells the part that exists", test_plain);
  test_run("links are resolved beneath the root, and a loop is a failure", test_links);
  test_run("neither absolute links nor .. nor links to .. lead out of the root", test_contained);
  test_run("fifos, sockets and devices are looked at without being opened", test_types);
  test_run("names and paths that are too long are a failure, not a cut", test_long);
  if (geteuid() == 0) test_run("links of procfs that jump out of the root are refused", test_magic_links);
  else test_skip("links of procfs that jump out of the root are refused", "needs root for a mount");
}
