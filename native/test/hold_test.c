// Tests of HOLD: one run at a time in a tree, by whatever name; nothing is left of a holder that is gone.
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
  CHECK_EQUAL(count_entries("run/locks"), 0);
  CHECK_EQUAL(held_by_other(told), 0);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

// The other process ends without a word, as if it were killed: its file stays.
static void test_crashed_holder(void) {
  char told[2048];
  struct change change = new_hold("me");
  fixture_open(&fixture);
  CHECK_EQUAL(held_by_other(told), 0);
  CHECK_EQUAL(count_entries("run/locks"), 1);
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(held_by_other(told), 1 + FAILURE_DEADLINE);
  CHECK(strncmp(told, "me|", 3) == 0);
  fixture_close(&fixture);
  CHECK_EQUAL(count_entries("run/locks"), 0);
}

// Holds once it is its turn, says so, and waits for word to go.
_Noreturn static void wait_and_hold(int go, int said) {
  static struct fixture other;
  struct change change = new_hold("who waited");
  char byte = 0;
  change.timeout_ms = 5000;
  fixture_open(&other);
  if (write(said, "w", 1) < 0) _exit(99);
  byte = does(&other, &change) == 0 ? 'h' : 'f';
  if (write(said, &byte, 1) < 0 || read(go, &byte, 1) < 0) _exit(99);
  fixture_close(&other);
  _exit(0);
}

static void test_waiter(void) {
  struct change change = new_hold("me");
  struct err err;
  int go[2], said[2], status = 0;
  char byte = 0;
  fixture_open(&fixture);
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK(pipe(go) == 0 && pipe(said) == 0);
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) wait_and_hold(go[0], said[1]);
  CHECK(read(said[0], &byte, 1) == 1 && byte == 'w');
  usleep(60000);  // it has the file open by now, which goes
  fixture_close(&fixture);
  CHECK(read(said[0], &byte, 1) == 1 && byte == 'h');
  fixture_open(&fixture);
  CHECK_EQUAL(attempt(&fixture, &change, &err), 1 + FAILURE_DEADLINE);
  CHECK_TEXT(err.path, "who waited");
  CHECK(write(go[1], "", 1) == 1);
  waitpid(pid, &status, 0);
  CHECK_EQUAL(status, 0);
  CHECK_EQUAL(count_entries("run/locks"), 0);
  CHECK_EQUAL(does(&fixture, &change), 0);
  fixture_close(&fixture);
  for (int i = 0; i < 2; i++) close(go[i]), close(said[i]);
}

// Somebody removed the file of a holder, and another run has the lock by now: that one's file stays.
static void test_removed_file(void) {
  char told[2048];
  struct change change = new_hold("me");
  fixture_open(&fixture);
  CHECK_EQUAL(does(&fixture, &change), 0);
  struct stat tree;
  char file[64];
  CHECK(stat(scratch("tree"), &tree) == 0);
  snprintf(file, sizeof file, "run/locks/%llx-%llx", (unsigned long long)tree.st_dev, (unsigned long long)tree.st_ino);
  CHECK(unlink(scratch(file)) == 0);
  CHECK_EQUAL(held_by_other(told), 0);
  fixture_close(&fixture);
  CHECK_EQUAL(count_entries("run/locks"), 1);
  fixture_open(&fixture);
  CHECK_EQUAL(does(&fixture, &change), 0);
  fixture_close(&fixture);
}

#define RACERS 6
#define TURNS 400

struct race {
  atomic_int inside;
  atomic_int overlaps;
  atomic_int turns;
};

// Each of its turns is a session of its own; every fiftieth ends as if it were killed.
_Noreturn static void take_turns(struct race *race, unsigned racer) {
  static struct fixture own;
  while (race->turns < TURNS) {
    struct change change = new_hold("a racer");
    // Some wait, the others look again and again.
    change.timeout_ms = racer % 2 == 0 ? 0 : 1000;
    fixture_open(&own);
    if (does(&own, &change) == 0) {
      if (atomic_fetch_add(&race->inside, 1) != 0) race->overlaps++;
      sched_yield();
      race->inside--;
      if (++race->turns % 50 == 0) _exit(0);
    }
    fixture_close(&own);
    if (racer % 3 == 0) sched_yield();
  }
  _exit(0);
}

static void test_race(void) {
  struct race *race = mmap(NULL, sizeof *race, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int running = 0, status = 0;
  CHECK(race != MAP_FAILED);
  fixture_open(&fixture);
  fflush(stdout);
  for (unsigned racer = 0; running > 0 || race->turns < TURNS; racer++) {
    for (; running < RACERS && race->turns < TURNS; running++, racer++) {
      if (fork() == 0) take_turns(race, racer);
    }
    CHECK(wait(&status) > 0 && status == 0);
    running--;
  }
  CHECK(race->turns >= TURNS);
  CHECK_EQUAL(race->overlaps, 0);
  struct change change = new_hold("the last");
  CHECK_EQUAL(does(&fixture, &change), 0);
  fixture_close(&fixture);
  CHECK_EQUAL(count_entries("run/locks"), 0);
  munmap(race, sizeof *race);
}

static void test_other_tree(void) {
  struct change change = new_hold("");
  fixture_open(&fixture);
  CHECK(rename(scratch("tree"), scratch("old")) == 0);
  make_directory("tree");
  CHECK_EQUAL(does(&fixture, &change), CONFLICT);
  CHECK_EQUAL(count_entries("run/locks"), 0);
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

// Whoever may rename in the directory above can put another one into the place of the locks'.
static void test_open_directory_above(void) {
  struct change change = new_hold("");
  fixture_open(&fixture);
  make_directory("run");
  CHECK(chmod(scratch("run"), 0777) == 0);
  CHECK_EQUAL(does(&fixture, &change), REFUSED);
  CHECK_EQUAL(count_entries("run"), 0);
  CHECK(rmdir(scratch("run")) == 0);
  make_directory("elsewhere");
  CHECK(symlink(scratch("elsewhere"), scratch("run")) == 0);
  CHECK_EQUAL(does(&fixture, &change), 1 + FAILURE_SYSTEM);
  CHECK_EQUAL(count_entries("elsewhere"), 0);
  CHECK(unlink(scratch("run")) == 0);
  if (geteuid() == 0) {
    make_directory("run");
    CHECK(chown(scratch("run"), 1, 1) == 0);
    CHECK_EQUAL(does(&fixture, &change), REFUSED);
    CHECK_EQUAL(count_entries("run"), 0);
  }
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
  test_run("HOLD makes nothing where others can put another directory into the locks' place", test_open_directory_above);
  test_run("HOLD takes over the file of a holder that was killed, and removes it", test_crashed_holder);
  test_run("HOLD by who waited is of the file that others find", test_waiter);
  test_run("HOLD removes no other's file", test_removed_file);
  test_run("HOLD is one's alone while many take it and let go of it", test_race);
  test_run("HOLD keeps as much of a holder's text as fits", test_long_holder);
}
