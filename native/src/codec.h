// Decoding of requests and encoding of replies; twin of src/wire/codec.ts. Fields as in native/PROTOCOL.md.
#ifndef CRUN_CODEC_H
#define CRUN_CODEC_H

#include "buffer.h"
#include "messages.h"

enum probe_flag { PROBE_FOLLOW = 1, PROBE_FILE_FLAGS = 2, PROBE_FILE_SYSTEM = 4 };

// Strings and bytes are borrowed from the frame; what was allocated is freed by probe_clear.
struct probe {
  uint8_t kind;  // enum probe_kind
  bool at_host;
  uint8_t flags;  // enum probe_flag
  uint8_t algorithms;
  uint32_t depth;  // 0: all levels
  uint64_t limit;  // bytes (READ, CONNECT) or entries (LIST, GLOB)
  bool has_since;
  struct timespec since;  // LIST: only what was touched from then on, and all of directories that were
  const char *path;
  const uint8_t *unless;  // 32 bytes or NULL
  struct bytes_list needles;
  struct exec_spec *exec;
  const char *host;     // CONNECT: an IP address
  uint16_t port;        // CONNECT
  uint32_t timeout_ms;  // CONNECT
};

enum expect_flag {
  EXPECT_TYPE = 1,
  EXPECT_SHA256 = 2,
  EXPECT_OWNER = 4,
  EXPECT_MODE = 8,
  EXPECT_TARGET = 16,
  EXPECT_REAL = 32
};

struct expect {
  uint8_t flags;  // enum expect_flag
  uint8_t type;
  uint16_t mode;
  uint32_t uid;
  uint32_t gid;
  const uint8_t *sha256;
  struct bytes target;
  const char *real;  // where the path leads, canonical
};

enum change_flag {
  WRITE_FOLLOW = 1,
  WRITE_IN_PLACE = 2,
  REMOVE_ALL = 1,
  REMOVE_SUBVOLUMES = 2,
  ATTRIBUTES_FOLLOW = 1,
  ATTRIBUTES_ALLOW_HARD_LINKS = 2,
  COPY_FOLLOW = 1,
  COPY_KEEP_TIMES = 2,
  COPY_KEEP_XATTRS = 4,
  RENAME_SWAP = 1,
  RENAME_NEW = 2,
  SUBVOLUME_READ_ONLY = 1,
  UNMOUNT_REMOVE = 1,
  OVERLAY_REPLACES = 1,
};

struct change {
  uint8_t kind;  // enum change_kind
  bool at_host;
  uint8_t flags;  // enum change_flag, by kind
  uint16_t mode;  // MODE_KEEP
  uint32_t uid;   // ID_KEEP
  uint32_t gid;
  uint32_t flags_set;
  uint32_t flags_clear;
  uint32_t timeout_ms;
  const char *path;
  const char *other;  // source, from, to, lower; a link's target
  const char *upper;
  const char *work;
  struct expect expect;
  struct content content;
  struct time_spec atime;
  struct time_spec mtime;
  struct bytes value;
  bool has_current;
  struct bytes current;
  struct exec_spec *exec;
};

struct open_tree {
  uint32_t tree;
  const char *path;
  uint8_t entry;
  bool is_host_root;
  bool is_as_root;  // without root: of the user namespace, on the host itself too
  bool has_own_mounts;  // see own_mounts.h
};

struct observe {
  uint32_t tree;
  struct probe *probes;
  size_t count;
};

struct apply {
  uint32_t tree;
  uint32_t batch;
  struct change *changes;
  size_t count;
};

// Each decoder takes a whole payload; bytes left over and unknown kinds break the cursor.
void decode_open_tree(struct cursor *cursor, struct open_tree *out);
void decode_observe(struct cursor *cursor, struct observe *out);
void decode_apply(struct cursor *cursor, struct apply *out);
void decode_exec(struct cursor *cursor, uint32_t *tree, struct exec_spec *out);
void observe_clear(struct observe *observe);
void apply_clear(struct apply *apply);
void exec_clear(struct exec_spec *spec);
void finish(struct cursor *cursor);  // breaks it where bytes are left

// A frame is begun, its payload put, and ended; returns what frame_end needs.
size_t frame_begin(struct buffer *out, enum message_type type, uint32_t channel);
void frame_end(struct buffer *out, size_t start);

// What lies at a path: the Stat and the bytes of a link's target.
struct node_value {
  uint8_t type;  // enum stat_type
  struct stat stat;
  struct bytes target;
  uint32_t flags;
};

void put_failure(struct buffer *out, const struct err *err);
void put_node(struct buffer *out, const struct node_value *node);
void put_exit(struct buffer *out, const struct exit_value *exit);
uint8_t stat_type_of(mode_t mode);

#endif
