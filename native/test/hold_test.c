// Tests of HOLD: one run at a time in a tree, by whatever name; nothing is left of a holder that is gone.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "test.h"

static struct fixture fixture;

static struct change new_hold(const char *holder) {
  struct change change = new_change(CHANGE_HOLD, scratch("run/locks"));
  change.at_host = true;
  change.timeout_ms = 30;
  change.value = (struct bytes){(const uint8_t *)holder, strlen(holder)};
  return change;
}

// What another process gets that opens the tree: 0, or the failure's code + 1. `told` gets the failure's texts.
static int held_by_other(char told[2048]) {
  int ends[2];
  int status = 0;
  ssize_t length;
  fflush(stdout);
  CHECK(pipe(ends) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    static struct fixture other;
    struct change change = new_hold("the other one");
    struct err err;
    char text[2048];
    fixture_open(&other);
    int result = attempt(&other, &change, &err);
    snprintf(text, sizeof text, "%s|%s", err.path, err.message);
    if (write(ends[1], text, strlen(text)) < 0) _exit(99);
    _exit(result);
  }
  close(ends[1]);
  length = read(ends[0], told, 2047);
  told[length < 0 ? 0 : length] = '\0';
  close(ends[0]);
  waitpid(pid, &status, 0);
  return WEXITSTATUS(status);
}

static void test_holds(void) {
  char told[2048];
  struct change change = new_hold("{\"by\":\"me\"}");
  fixture_open(&fixture);
  CHECK_EQUAL(does(&fixture, &change), 0);
  // Once more is nothing, and closing another descriptor of the file is none of this process's business.
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(held_by_other(told), 1 + FAILURE_DEADLINE);
  CHECK(strcmp(told, "{\"by\":\"me\"}|0") == 0 || strcmp(told, "{\"by\":\"me\"}|1") == 0);
  struct stat stat_of;
  CHECK(stat(scratch("run/locks"), &stat_of) == 0 && (stat_of.st_mode & 07777) == 0700);
  // A process that lives on has nothing of it.
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  fixture_close(&fixture);
  CHECK_EQUAL(held_by_other(told), 0);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

static void test_other_tree(void) {
  struct change change = new_hold("");
  fixture_open(&fixture);
  CHECK(rename(scratch("tree"), scratch("old")) == 0);
  make_directory("tree");
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  fixture_close(&fixture);
}

static void test_open_directory(void) {
  struct change change = new_hold("");
  fixture_open(&fixture);
  make_directory("run");
  make_directory("run/locks");
  CHECK(chmod(scratch("run/locks"), 0777) == 0);
  CHECK_EQUAL(does(&fixture, &change), REFUSED);
  CHECK(rmdir(scratch("run/locks")) == 0);
  CHECK(symlink("/tmp", scratch("run/locks")) == 0);
  CHECK_EQUAL(does(&fixture, &change), 1 + FAILURE_SYSTEM);
  fixture_close(&fixture);
}

static void test_long_holder(void) {
  char holder[2000];
  char told[2048];
  memset(holder, 'x', sizeof holder - 1);
  holder[sizeof holder - 1] = '\0';
  struct change change = new_hold(holder);
  fixture_open(&fixture);
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(held_by_other(told), 1 + FAILURE_DEADLINE);
  CHECK_EQUAL(strspn(told, "x"), 900);
  fixture_close(&fixture);
}

void hold_tests(void) {
  test_run("HOLD keeps other processes out, says who and how long, and ends with the tree", test_holds);
  test_run("HOLD of a tree whose place another one has taken is a conflict", test_other_tree);
  test_run("HOLD takes no lock where others can put one", test_open_directory);
  test_run("HOLD keeps as much of a holder's text as fits", test_long_holder);
}
