// What the tests of the entry share: small trees, processes run to their end, checks that count.
#ifndef CRUN_ENTRY_HARNESS_H
#define CRUN_ENTRY_HARNESS_H

#include <stdbool.h>
#include <stddef.h>

#include "../../src/entry.h"

#define OUTPUT_MAX (1u << 20)

struct result {
  bool is_started;
  struct err err; // of a start that failed
  struct process_status status;
  pid_t pid;
  char *out;
  size_t out_length;
  char *err_text;
};

struct run {
  const char *user;
  const char *directory;
  const char *const *environment; // NULL at the end; NULL: PATH=/bin
  const void *input;
  size_t input_length;
  uint32_t flags;
  uint8_t stdin_kind;
  uint8_t entry; // 0: the tree's
  struct exec_file *files;
  size_t file_count;
  int kill_after_ms; // 0: never
};

// A fresh directory beneath the scratch directory of this test run.
const char *make_directory(const char *name);
// A tree with /bin/busybox and its names, /etc, /proc, /sys, /dev, /run, /tmp, /root.
const char *make_tree(const char *name);
// The test program itself, as a file of a tree.
void copy_self(const char *directory, const char *path);
void write_file(const char *directory, const char *path, const char *content);
void remove_all(const char *path);
void run_tool(const char *script, const char *argument); // on the host, as `sh -c SCRIPT sh ARGUMENT`; must succeed
// Everything in a tree as text: names, types, modes, owners, contents' sums.
char *snapshot_of(const char *path);

struct entry *open_entry(const char *tree, uint8_t kind);
// Runs a program to its end and collects what it says; `run` may be NULL.
struct result run_program(struct entry *entry, const struct run *run, ...);
struct result run_shell(struct entry *entry, const struct run *run, const char *script);
void forget(struct result *result);

// A line of a text that starts with a label, without it; NULL if there is none. In a static buffer.
const char *line_of(const char *text, const char *label);

void begin(const char *name);
bool check(bool condition, const char *file, int line, const char *format, ...) __attribute__((format(printf, 4, 5)));
#define CHECK(condition, ...) check((condition), __FILE__, __LINE__, __VA_ARGS__)
#define CHECK_TEXT(actual, expected)                                                                                   \
  check(strcmp((actual), (expected)) == 0, __FILE__, __LINE__, "expected \"%s\", got \"%s\"", (expected), (actual))
// Not possible here, with the reason; a failure where CI=true.
void skip(const char *reason);
int finish_tests(void);

#endif
