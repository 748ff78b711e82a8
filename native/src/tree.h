// An open tree, as its worker holds it.
#ifndef CRUN_TREE_H
#define CRUN_TREE_H

#include "blob.h"
#include "codec.h"
#include "entry.h"
#include "place.h"
#include "port.h"

struct flock;
struct hold;
struct job;

struct lock {
  struct lock *next;
  bool at_host;
  int fd;
  char path[];
};

#define SCRATCH_SIZE (256u * 1024u)
// How long one probe or change may walk directories: a file system of the tree's own making may have one without an end.
#define WALK_MS_MAX (2u * 60u * 60u * 1000u)

struct tree {
  struct port *port;
  struct beat *beat;
  struct blob_store blobs;
  struct root root;
  struct root host;  // "/", the same as root for the host's own root
  int disk;          // the tree as the host has it, for entries; root is the machine's own view of it while one runs
  char path[PATH_MAX];
  char name[256];  // what programs call it: the last part of its path, or "host"
  uint8_t entry_kind;
  bool is_host_root;
  bool has_shifted_ids;  // its files have those of a machine that does not run
  bool is_foreign;       // without root: it belongs to somebody whose id the login has not
  struct entry *entries[ENTRY_MACHINE + 1];  // by kind, made when first needed
  struct entry *host_entry;
  struct buffer scratch;  // SCRATCH_SIZE bytes for whoever reads a file, kept for the next
  struct lock *locks;
  struct hold *hold;  // its lock as a whole; NULL: not held
  bool has_failed_batch;
  uint32_t failed_batch;
  bool has_open_batch;  // locks of this batch may be held
  uint32_t open_batch;
  struct job *jobs;  // processes in the background
  uint32_t walk_ms;  // instead of WALK_MS_MAX, for tests; 0: that
};

// Which request, and which probe or change of it, a piece of work is done for.
struct task {
  uint32_t channel;
  uint32_t index;
};

int tree_open(struct tree *tree, const struct open_tree *request, bool has_openat2, struct node_value *node,
              struct err *err);
const struct root *tree_root(const struct tree *tree, bool at_host);
// The entry for a process: the tree's own kind for ENTRY_TREES.
int tree_entry(struct tree *tree, bool at_host, uint8_t kind, struct entry **out, struct err *err);
// Without root a tree of somebody else's can be looked at, but nothing is changed or run there.
int tree_refuse_foreign(const struct tree *tree, bool at_host, struct err *err);
void tree_close(struct tree *tree);

// A step of a walk that began then (running_now_ms): says that the worker is alive. -1 once it has taken too long.
int tree_step(struct tree *tree, int64_t begin, const char *path, struct err *err);

// Requests, each with all its replies.
void observe_request(struct tree *tree, uint32_t channel, struct cursor *cursor);
void apply_request(struct tree *tree, uint32_t channel, struct cursor *cursor);
void exec_request(struct tree *tree, uint32_t channel, struct cursor *cursor);

// Probes: each puts the result's fields (without the status).
int probe_stat(struct tree *tree, const struct probe *probe, struct buffer *out, struct err *err);
int probe_read(struct tree *tree, const struct probe *probe, const struct task *task, struct buffer *out,
               struct err *err);
int probe_hash(struct tree *tree, const struct probe *probe, struct buffer *out, struct err *err);
int probe_list(struct tree *tree, const struct probe *probe, struct buffer *out, struct err *err);
int probe_glob(struct tree *tree, const struct probe *probe, struct buffer *out, struct err *err);
int probe_connect(struct tree *tree, const struct probe *probe, struct buffer *out, struct err *err);

// Changes.
int change_write_file(struct tree *tree, const struct change *change, struct err *err);
int change_copy_file(struct tree *tree, const struct change *change, struct err *err);
int change_make_directory(struct tree *tree, const struct change *change, struct err *err);
int change_make_link(struct tree *tree, const struct change *change, struct err *err);
int change_hard_link(struct tree *tree, const struct change *change, struct err *err);
int change_rename(struct tree *tree, const struct change *change, struct err *err);
int change_remove(struct tree *tree, const struct change *change, struct err *err);
int change_set_attributes(struct tree *tree, const struct change *change, struct err *err);
int change_write_kernel(struct tree *tree, const struct change *change, struct err *err);
int change_lock(struct tree *tree, const struct change *change, uint32_t channel, struct err *err);
int change_unlock(struct tree *tree, const struct change *change, struct err *err);
void unlock_all(struct tree *tree);
int lock_wait(struct tree *tree, int fd, int command, struct flock *wanted, uint32_t timeout_ms, uint32_t channel);
int change_hold(struct tree *tree, const struct change *change, uint32_t channel, struct err *err);
void release_hold(struct tree *tree);
int change_subvolume(struct tree *tree, const struct change *change, struct err *err);
int change_set_subvolume(struct tree *tree, const struct change *change, struct err *err);
int change_mount_overlay(struct tree *tree, const struct change *change, struct err *err);
int change_unmount(struct tree *tree, const struct change *change, struct err *err);

// Puts what lies at a place: `real` (empty where it equals what was asked for) and its Stat. Reads the target and, if
// wanted, the flags.
int put_place(struct tree *tree, const struct root *root, const char *asked, const struct place *place, bool has_flags,
              struct buffer *out, struct err *err);
// Digests of a whole regular file, in the order of the bits.
struct digests {
  size_t count;
  uint8_t sizes[7];
  uint8_t values[7][64];
};
int hash_file(struct tree *tree, int fd, unsigned algorithms, const char *path, struct digests *out, struct err *err);
// Of a regular file, or (its extended attributes alone) of a directory.
int hash_thing(struct tree *tree, int fd, const struct stat *stat, unsigned algorithms, const char *path,
               struct digests *out, struct err *err);
bool has_digests(const struct stat *stat, unsigned algorithms);
void put_digests(struct buffer *out, const struct digests *digests);

// Compare and swap: whether the thing at the place is as expected, looked at through its descriptor.
int expect_check(struct tree *tree, const struct root *root, const struct change *change, const struct place *place,
                 struct err *err);
// Right before the change: whether the name still holds that very thing.
int expect_again(const struct change *change, const struct place *place, struct err *err);
bool expects_absence(const struct change *change);
// The failure of a change that would have made what is there already.
int exists_already(const struct change *change, const char *step, struct err *err);

#endif
