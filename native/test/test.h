// A small test harness: named tests, checks that tell file and line, a scratch directory.
#ifndef CRUN_TEST_H
#define CRUN_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What the tests were started with.
struct test_environment {
  const char *helper;   // the binary under test
  const char *vectors;  // test/wire/vectors.json
  char scratch[512];    // an empty directory, removed at the end
  bool has_openat2;     // which way paths are resolved in this round
  bool failed;          // the test at hand
  unsigned checks;
};

extern struct test_environment test;

#define CHECK(condition) test_check((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQUAL(actual, expected) \
  test_equal((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)
#define CHECK_TEXT(actual, expected) test_text((actual), (expected), #actual, __FILE__, __LINE__)
bool test_check(bool condition, const char *text, const char *file, int line);
bool test_equal(long long actual, long long expected, const char *text, const char *file, int line);
bool test_text(const char *actual, const char *expected, const char *text, const char *file, int line);

// Runs a test and prints a TAP line; its name states the reason.
void test_run(const char *name, void (*body)(void));
// Says why a test is not run here.
void test_skip(const char *name, const char *reason);

// Paths beneath the scratch directory: the string lives until the next sixteen calls.
const char *scratch(const char *name);
void make_file(const char *name, const char *content);
void make_file_sized(const char *name, size_t size);
char *content_of(const char *name);  // static; "(absent)" where there is none
void make_directory(const char *name);
void remove_all(const char *path);
unsigned count_entries(const char *name);  // of a directory beneath the scratch directory

void hash_tests(void);
void codec_tests(void);
void vector_tests(void);
void glob_tests(void);
void ids_tests(void);
void print_tests(void);
void path_tests(void);
void probe_tests(void);
void change_tests(void);
void interim_tests(void);
void hold_tests(void);
void subvolume_tests(void);
void race_tests(void);
void fuse_tests(void);
void helper_tests(void);

#endif
