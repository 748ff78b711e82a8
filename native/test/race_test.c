// A hostile owner swaps directories for links while the helper works: nothing outside of the tree may change or be
// seen.
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/fs.h>

#include "fixture.h"
#include "test.h"

#define ROUNDS 10000

#define SWAPS_LEAST 100

static struct fixture fixture;
static atomic_bool is_over;
static atomic_ulong swaps;

// On a busy machine the one who swaps may have to wait for its turn.
static bool goes_on(unsigned round, unsigned rounds) {
  return round < rounds || (swaps <= SWAPS_LEAST && round < 1000 * rounds);
}

// `d` is by turns a directory of the tree's and a link to the host's.
static void *swap(void *directory) {
  int fd = *(int *)directory;
  while (!is_over) {
    syscall(SYS_renameat2, fd, "d", fd, "evil", RENAME_EXCHANGE);
    swaps++;
  }
  return NULL;
}

static void prepare(pthread_t *thread, int *fd) {
  fixture_open(&fixture);
  make_directory("host");
  make_file("host/file", "host");
  make_directory("tree/d");
  make_file("tree/d/file", "tree");
  CHECK(symlink(scratch("host"), scratch("tree/evil")) == 0);
  *fd = open(scratch("tree"), O_RDONLY | O_DIRECTORY);
  is_over = false;
  swaps = 0;
  CHECK(pthread_create(thread, NULL, swap, fd) == 0);
}

static void end(pthread_t thread, int fd) {
  is_over = true;
  pthread_join(thread, NULL);
  close(fd);
  CHECK(swaps > SWAPS_LEAST);
  CHECK_TEXT(content_of("host/file"), "host");
  CHECK_EQUAL(count_entries("host"), 1);
  fixture_close(&fixture);
}

static void test_swapped_parent(void) {
  struct change write = new_write("/d/file", "evil"), make = new_change(CHANGE_MAKE_DIRECTORY, "/d/made");
  struct change attributes = new_change(CHANGE_SET_ATTRIBUTES, "/d/file"), away = new_change(CHANGE_REMOVE, "/d/made");
  struct stat status;
  pthread_t thread;
  int fd;
  unsigned written = 0;
  prepare(&thread, &fd);
  attributes.mode = 0666;
  for (unsigned round = 0; goes_on(round, ROUNDS / 4); round++) {
    written += does(&fixture, &write) == 0;
    does(&fixture, &make);
    does(&fixture, &attributes);
    does(&fixture, &away);
  }
  CHECK(written > 0);
  CHECK(stat(scratch("host/file"), &status) == 0 && (status.st_mode & 07777) == 0644);
  end(thread, fd);
}

static void test_swapped_read(void) {
  struct probe probe = {.kind = PROBE_READ, .path = "/d/file", .flags = PROBE_FOLLOW, .limit = 100};
  struct task task = {1, 0};
  pthread_t thread;
  int fd;
  unsigned seen = 0, leaks = 0;
  prepare(&thread, &fd);
  for (unsigned round = 0; goes_on(round, ROUNDS); round++) {
    auto_buffer struct buffer out = {0};
    struct err err;
    if (probe_read(&fixture.tree, &probe, &task, &out, &err) != 0) continue;
    if (memmem(out.data, out.length, "tree", 4) != NULL) seen++;
    if (out.length > 4 && memcmp(out.data + out.length - 4, "host", 4) == 0) leaks++;
  }
  CHECK(seen > 0);
  CHECK_EQUAL(leaks, 0);
  end(thread, fd);
}

// A recursive removal meets the link where the directory was a moment ago.
static void test_swapped_remove(void) {
  struct change away = new_change(CHANGE_REMOVE, "/d/sub");
  pthread_t thread;
  int fd;
  prepare(&thread, &fd);
  make_directory("host/sub");
  make_file("host/sub/kept", "host");
  away.flags = REMOVE_ALL;
  for (unsigned round = 0; goes_on(round, ROUNDS / 10); round++) {
    int directory = openat(fd, round % 2 == 0 ? "d" : "evil", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (directory < 0) continue;
    if (mkdirat(directory, "sub", 0755) == 0) {
      int file = openat(directory, "sub/x", O_CREAT | O_WRONLY, 0600);
      if (file >= 0) close(file);
    }
    close(directory);
    does(&fixture, &away);
  }
  CHECK_TEXT(content_of("host/sub/kept"), "host");
  remove_all(scratch("host/sub"));
  end(thread, fd);
}

// Two helpers that expect the same must not both succeed.
static void *compete(void *result) {
  struct fixture mine;
  unsigned *won = result;
  fixture_open(&mine);
  for (unsigned round = 0; round < 300; round++) {
    char path[32];
    snprintf(path, sizeof path, "/n%u", round);
    struct change change = new_write(path, "x");
    change.expect = (struct expect){.flags = EXPECT_TYPE, .type = TYPE_ABSENT};
    *won += does(&mine, &change) == 0;
  }
  fixture_close(&mine);
  return NULL;
}

static void test_two_writers(void) {
  pthread_t threads[2];
  unsigned won[2] = {0, 0};
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, compete, &won[i]) == 0);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  CHECK_EQUAL(won[0] + won[1], 300);
}

void race_tests(void) {
  test_run("a parent that is swapped for a link leads no write, mode or directory out of the tree",
           test_swapped_parent);
  test_run("a parent that is swapped for a link shows nothing of the host", test_swapped_read);
  test_run("a recursive removal does not follow a link that took a directory's name", test_swapped_remove);
  test_run("of two writers that expect absence, one wins", test_two_writers);
}
