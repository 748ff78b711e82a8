// Runs the tests of the helper, or those whose names hold one of the words: helper-test HELPER VECTORS [WORD...]
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place.h"
#include "test.h"

struct test_environment test;
static unsigned count, failures, skips;

bool test_check(bool condition, const char *text, const char *file, int line) {
  test.checks++;
  if (condition) return true;
  test.failed = true;
  printf("# %s:%d: not so: %s\n", file, line, text);
  return false;
}

bool test_equal(long long actual, long long expected, const char *text, const char *file, int line) {
  test.checks++;
  if (actual == expected) return true;
  test.failed = true;
  printf("# %s:%d: %s is %lld, not %lld\n", file, line, text, actual, expected);
  return false;
}

bool test_text(const char *actual, const char *expected, const char *text, const char *file, int line) {
  test.checks++;
  if (strcmp(actual, expected) == 0) return true;
  test.failed = true;
  printf("# %s:%d: %s is \"%s\", not \"%s\"\n", file, line, text, actual, expected);
  return false;
}

const char *scratch(const char *name) {
  static char paths[16][1024];
  static unsigned next;
  char *path = paths[next++ % 16];
  snprintf(path, sizeof paths[0], "%s%s%s", test.scratch, name[0] == '\0' ? "" : "/", name);
  return path;
}

// Iterative by moving subdirectories up, as depth must not matter.
static void empty_directory(const char *path) {
  for (bool is_empty = false; !is_empty;) {
    DIR *directory = opendir(path);
    struct dirent *entry;
    is_empty = true;
    if (directory == NULL) return;
    while ((entry = readdir(directory)) != NULL) {
      char from[4096], to[4096];
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
      is_empty = false;
      snprintf(from, sizeof from, "%s/%s", path, entry->d_name);
      if (unlink(from) == 0 || rmdir(from) == 0) continue;
      DIR *child = opendir(from);
      struct dirent *grandchild;
      while (child != NULL && (grandchild = readdir(child)) != NULL) {
        static unsigned number;
        if (strcmp(grandchild->d_name, ".") == 0 || strcmp(grandchild->d_name, "..") == 0) continue;
        snprintf(to, sizeof to, "%s/up-%u", path, number++);
        renameat(dirfd(child), grandchild->d_name, AT_FDCWD, to);
      }
      if (child != NULL) closedir(child);
    }
    closedir(directory);
  }
}

void remove_all(const char *path) {
  if (unlink(path) == 0) return;
  empty_directory(path);
  rmdir(path);
}

void make_directory(const char *name) {
  if (mkdir(scratch(name), 0755) != 0 && errno != EEXIST) CHECK(!"mkdir");
}

void make_file(const char *name, const char *content) {
  int fd = open(scratch(name), O_CREAT | O_TRUNC | O_WRONLY, 0644);
  CHECK(fd >= 0);
  CHECK(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
  close(fd);
}

void make_file_sized(const char *name, size_t size) {
  int fd = open(scratch(name), O_CREAT | O_TRUNC | O_WRONLY, 0644);
  CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
  close(fd);
}

char *content_of(const char *name) {
  static char content[65536];
  int fd = open(scratch(name), O_RDONLY | O_NONBLOCK);
  ssize_t length = fd < 0 ? -1 : read(fd, content, sizeof content - 1);
  if (fd >= 0) close(fd);
  if (length < 0) return strcpy(content, "(absent)");
  content[length] = '\0';
  return content;
}

unsigned count_entries(const char *name) {
  DIR *directory = opendir(scratch(name));
  unsigned entries = 0;
  if (directory == NULL) return 0;
  while (readdir(directory) != NULL) entries++;
  closedir(directory);
  return entries - 2;
}

// Words of the tests that are asked for; none: all.
static char **words;

static bool is_asked_for(const char *name) {
  bool is_asked = words[0] == NULL;
  for (char **word = words; *word != NULL; word++) is_asked |= strstr(name, *word) != NULL;
  return is_asked;
}

void test_run(const char *name, void (*body)(void)) {
  char tag[32];
  if (!is_asked_for(name)) return;
  count++;
  test.failed = false;
  empty_directory(test.scratch);
  body();
  if (test.failed) failures++;
  snprintf(tag, sizeof tag, "%s", test.has_openat2 ? "" : " (without openat2)");
  printf("%s %u - %s%s\n", test.failed ? "not ok" : "ok", count, name, tag);
  fflush(stdout);
}

void test_skip(const char *name, const char *reason) {
  if (!is_asked_for(name)) return;
  count++;
  skips++;
  printf("ok %u - %s # SKIP %s\n", count, name, reason);
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: helper-test HELPER VECTORS [WORD...]\n");
    return 2;
  }
  words = argv + 3;
  test.helper = argv[1];
  test.vectors = argv[2];
  signal(SIGPIPE, SIG_IGN);
  // Mounts that the tests make are theirs alone, and gone with them.
  if (geteuid() == 0 && (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0)) return 2;
  umask(022);
  // In memory, since thousands of files are synced; TMPDIR chooses a real file system.
  const char *base = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  snprintf(test.scratch, sizeof test.scratch, "%s/crun-helper-test-XXXXXX", base);
  if (mkdtemp(test.scratch) == NULL) return 2;
  hash_tests();
  codec_tests();
  vector_tests();
  glob_tests();
  ids_tests();
  print_tests();
  // Valgrind knows no openat2.
  for (int round = openat2_works() ? 0 : 1; round < 2; round++) {
    test.has_openat2 = round == 0;
    path_tests();
    probe_tests();
    change_tests();
    interim_tests();
  hold_tests();
    subvolume_tests();
    race_tests();
    fuse_tests();
    helper_tests();
  }
  remove_all(test.scratch);
  printf("1..%u\n# %u tests, %u failed, %u skipped, %u checks\n", count, count, failures, skips, test.checks);
  return failures == 0 ? 0 : 1;
}
