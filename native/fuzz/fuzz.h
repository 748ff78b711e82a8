// What the fuzz targets share: bytes turned into choices, a scratch place of their own, and what must hold.
#ifndef CRUN_FUZZ_H
#define CRUN_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tree.h"

// What libFuzzer calls.
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Ends the run as a finding, with a sentence.
#define MUST(condition, ...) \
  do { \
    if (!(condition)) fuzz_finding(__FILE__, __LINE__, __VA_ARGS__); \
  } while (0)
_Noreturn void fuzz_finding(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

// The input, taken from its front; what is not there any more is zero.
struct feed {
  const uint8_t *at;
  size_t left;
};
uint8_t feed_u8(struct feed *feed);
uint16_t feed_u16(struct feed *feed);
uint32_t feed_u32(struct feed *feed);
struct bytes feed_bytes(struct feed *feed, size_t length);  // fewer where fewer are left
struct bytes feed_rest(struct feed *feed);
uint8_t feed_below(struct feed *feed, uint8_t bound);

// A path of up to five components of a small vocabulary: names that the trees below have, links that lead out, "..",
// names that are too long, patterns. Lives until the next sixteen calls.
const char *feed_path(struct feed *feed, bool has_patterns);

// The machine stays whole whatever a target finds: the process goes into mount and network namespaces of its own, where
// everything is read-only but SCRATCH, a file system in memory. Where `FUZZ_WRITABLE` names a directory (for the corpus
// and for findings), that stays writable too.
#define SCRATCH "/mnt"
// Ends with FUZZ_ABSENT where there are no namespaces to be had.
#define FUZZ_ABSENT 3
void fuzz_isolate(void);

// SCRATCH anew: a tree (SCRATCH/tree) with whatever leads out of trees, what stands for the host's root (SCRATCH/host),
// and canaries beside them (SCRATCH/canary). Each bit of `shape` adds something.
enum shape { SHAPE_PROC = 1, SHAPE_MOUNT = 2, SHAPE_DEEP = 4, SHAPE_MANY = 8 };
void scratch_make(uint8_t shape);
// The canaries are as they were made, and no temporary name is left in the tree or on the host.
void scratch_check(bool may_change_shared);

// A tree opened in this process. What it sends is kept, and read by replies_check.
struct open_fixture {
  struct tree tree;
  struct port port;
  struct beat beat;
  int other;
};
void open_fixture(struct open_fixture *fixture, bool has_openat2);
// Closes it: no descriptor may be left of it, or of what was done with it.
void close_fixture(struct open_fixture *fixture);

// What was sent since the tree was opened: whole frames of one channel, in the order that PROTOCOL.md has. Returns how
// many probes were answered, or changes tried.
size_t replies_check(uint32_t channel, size_t asked);

#endif
