// What has a name in the tree while something is replaced: a helper that is killed then leaves it, the next one takes it
// away, and whoever knows the name gains nothing by it.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "forbid.h"
#include "temp.h"
#include "test.h"

static struct fixture fixture;

// The ways to replace what is at /a: by a file, a link, another name of /b.
static struct change replacement(unsigned which) {
  struct change change = new_write("/a", "new");
  if (which == 0) return change;
  change = new_change(which == 1 ? CHANGE_MAKE_LINK : CHANGE_HARD_LINK, "/a");
  change.other = which == 1 ? "nowhere" : "/b";
  return change;
}

static void prepare(void) {
  fixture_open(&fixture);
  remove_all(scratch("tree/a"));
  make_file("tree/a", "old");
  make_file("tree/b", "new");
}

static void check_replaced(unsigned which) {
  char target[16] = "";
  if (which == 1) CHECK(readlink(scratch("tree/a"), target, sizeof target - 1) == 7 && !strcmp(target, "nowhere"));
  else CHECK_TEXT(content_of("tree/a"), "new");
  CHECK_EQUAL(count_entries("tree"), 2);
}

static void test_killed(void) {
  for (unsigned which = 0; which < 3; which++) {
    struct change change = replacement(which);
    struct stat status;
    int end = 0;
    prepare();
    pid_t child = fork();
    if (child == 0) {
      fixture.tree.root.proc_fd = open_proc_fd();
      forbid_calls("renameat!,renameat2!");
      does(&fixture, &change);
      _exit(0);
    }
    CHECK(waitpid(child, &end, 0) == child);
    CHECK_EQUAL(end & 0x7f, SIGSYS);
    CHECK_TEXT(content_of("tree/a"), "old");
    // The window is a real one.
    CHECK(lstat(scratch("tree/" INTERIM_NAME), &status) == 0);
    CHECK_EQUAL(does(&fixture, &change), 0);
    check_replaced(which);
    fixture_close(&fixture);
  }
}

// Nothing is left by a kill where nothing is replaced: what is new takes its name when it is whole.
static void test_killed_new(void) {
  for (unsigned which = 0; which < 3; which++) {
    struct change change = replacement(which);
    int end = 0;
    prepare();
    CHECK(unlink(scratch("tree/a")) == 0);
    change.expect = (struct expect){.flags = EXPECT_TYPE, .type = TYPE_ABSENT};
    pid_t child = fork();
    if (child == 0) {
      fixture.tree.root.proc_fd = open_proc_fd();
      forbid_calls("renameat!,renameat2!");
      _exit(does(&fixture, &change));
    }
    CHECK(waitpid(child, &end, 0) == child && WIFEXITED(end) && WEXITSTATUS(end) == 0);
    check_replaced(which);
    fixture_close(&fixture);
  }
}

// On a file system that knows no files without a name they have the interim one from the beginning.
static void test_killed_named(void) {
  for (unsigned is_new = 0; is_new < 2; is_new++) {
    struct change change = replacement(0);
    struct stat status;
    int end = 0;
    prepare();
    if (is_new) CHECK(unlink(scratch("tree/a")) == 0);
    for (unsigned round = 0; round < 2; round++) {
      pid_t child = fork();
      if (child == 0) {
        fixture.tree.root.proc_fd = open_proc_fd();
        forbid_calls(round == 0 ? "O_TMPFILE,renameat!,renameat2!" : "O_TMPFILE");
        _exit(does(&fixture, &change));
      }
      CHECK(waitpid(child, &end, 0) == child);
      CHECK_EQUAL(end & 0x7f, round == 0 ? SIGSYS : 0);
      if (round == 0) CHECK_TEXT(content_of("tree/a"), is_new ? "(absent)" : "old");
      CHECK_EQUAL(lstat(scratch("tree/" INTERIM_NAME), &status) == 0, round == 0);
    }
    check_replaced(0);
    fixture_close(&fixture);
  }
}

// A directory of that name is none of a helper's.
static void test_foreign(void) {
  for (unsigned which = 0; which < 3; which++) {
    struct change change = replacement(which);
    prepare();
    make_directory("tree/" INTERIM_NAME);
    make_file("tree/" INTERIM_NAME "/kept", "kept");
    CHECK_EQUAL(does(&fixture, &change), 0);
    CHECK_TEXT(content_of("tree/" INTERIM_NAME "/kept"), "kept");
    remove_all(scratch("tree/" INTERIM_NAME));
    check_replaced(which);
    fixture_close(&fixture);
  }
}

// Another helper that is at work in the directory: what it has under the name stays its own.
static void test_held(void) {
  for (unsigned which = 0; which < 3; which++) {
    struct change change = replacement(which);
    prepare();
    int lock = open(scratch("tree"), O_RDONLY | O_DIRECTORY);
    CHECK(flock(lock, LOCK_EX) == 0);
    make_file("tree/" INTERIM_NAME, "another's");
    CHECK_EQUAL(does(&fixture, &change), 0);
    CHECK_TEXT(content_of("tree/" INTERIM_NAME), "another's");
    close(lock);
    CHECK(unlink(scratch("tree/" INTERIM_NAME)) == 0);
    check_replaced(which);
    fixture_close(&fixture);
  }
}

// A process of the tree has the name taken again and again, by another name of a file that is not the tree's.
static _Noreturn void occupy(void) {
  char from[600], to[600];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  snprintf(from, sizeof from, "%s", scratch("victim"));
  snprintf(to, sizeof to, "%s", scratch("tree/" INTERIM_NAME));
  for (;;) {
    if (link(from, to) != 0) unlink(to);
  }
}

static void test_occupied(void) {
  struct stat before, after;
  prepare();
  make_file("victim", "host");
  CHECK(stat(scratch("victim"), &before) == 0);
  pid_t racer = fork();
  if (racer == 0) occupy();
  for (unsigned round = 0; round < 600; round++) {
    struct change change = replacement(round % 3);
    if (round % 3 == 1 && geteuid() == 0) change.uid = 1234;
    int result = does(&fixture, &change);
    CHECK(result == 0 || result == 1 || result == CONFLICT);
  }
  kill(racer, SIGKILL);
  waitpid(racer, NULL, 0);
  CHECK(stat(scratch("victim"), &after) == 0);
  CHECK(before.st_ino == after.st_ino && before.st_uid == after.st_uid && before.st_mode == after.st_mode);
  CHECK_TEXT(content_of("victim"), "host");
  fixture_close(&fixture);
}

void interim_tests(void) {
  test_run("a replacement that is killed leaves the old whole, and the next one leaves nothing else", test_killed);
  test_run("what is new is made without another name, so that a kill leaves none", test_killed_new);
  test_run("the same where files cannot be made without a name", test_killed_named);
  test_run("a directory that has the interim name is left alone", test_foreign);
  test_run("what another helper has under the interim name is left alone", test_held);
  test_run("who takes the interim name meanwhile has no file of the host changed", test_occupied);
}
