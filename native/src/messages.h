// The messages of native/PROTOCOL.md as C values; twin of src/wire/messages.ts.
#ifndef CRUN_MESSAGES_H
#define CRUN_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "error.h"

#define PROTOCOL_VERSION 8
#define FRAME_MIN 5u
#define FRAME_MAX (1024u * 1024u)
#define CHUNK_MAX (256u * 1024u)
#define MODE_KEEP 0xffffu
#define ID_KEEP 0xffffffffu
#define FLAGS_UNKNOWN 0xffffffffu
#define DEFAULT_OUTPUT_LIMIT (1024u * 1024u)

enum message_type {
  MESSAGE_OPEN_TREE = 0x01,
  MESSAGE_CLOSE_TREE = 0x02,
  MESSAGE_OBSERVE = 0x03,
  MESSAGE_APPLY = 0x04,
  MESSAGE_EXEC = 0x05,
  MESSAGE_INPUT = 0x06,
  MESSAGE_RESIZE = 0x07,
  MESSAGE_SIGNAL = 0x08,
  MESSAGE_BLOB = 0x09,
  MESSAGE_CANCEL = 0x0a,
  MESSAGE_GREETING = 0x80,
  MESSAGE_OPENED = 0x81,
  MESSAGE_OBSERVED = 0x82,
  MESSAGE_APPLIED = 0x83,
  MESSAGE_DONE = 0x84,
  MESSAGE_STARTED = 0x85,
  MESSAGE_OUTPUT = 0x86,
  MESSAGE_EXITED = 0x87,
  MESSAGE_BLOB_STORED = 0x88,
  MESSAGE_CONTENT = 0x89,
  MESSAGE_INPUT_TAKEN = 0x8a,
  MESSAGE_ERROR = 0x8f,
};

enum entry_kind {
  ENTRY_AUTO = 0,
  ENTRY_CHROOT = 1,
  ENTRY_UNSHARE = 2,
  ENTRY_NSPAWN = 3,
  ENTRY_MACHINE = 4,
  ENTRY_TREES = 255
};

enum stat_type {
  TYPE_ABSENT = 0,
  TYPE_FILE = 1,
  TYPE_DIRECTORY = 2,
  TYPE_LINK = 3,
  TYPE_BLOCK = 4,
  TYPE_CHAR = 5,
  TYPE_FIFO = 6,
  TYPE_SOCKET = 7,
};

// Of OPEN_TREE.
#define OPEN_OWN_MOUNTS 4u

enum probe_kind {
  PROBE_STAT = 1,
  PROBE_READ,
  PROBE_HASH,
  PROBE_LIST,
  PROBE_GLOB,
  PROBE_EXEC,
  PROBE_MACHINE,
  PROBE_CONNECT,
};

enum change_kind {
  CHANGE_WRITE_FILE = 1,
  CHANGE_MAKE_DIRECTORY,
  CHANGE_MAKE_LINK,
  CHANGE_HARD_LINK,
  CHANGE_REMOVE,
  CHANGE_SET_ATTRIBUTES,
  CHANGE_COPY_FILE,
  CHANGE_RENAME,
  CHANGE_EXEC,
  CHANGE_WRITE_KERNEL,
  CHANGE_LOCK,
  CHANGE_UNLOCK,
  CHANGE_SUBVOLUME,
  CHANGE_SET_SUBVOLUME,
  CHANGE_MOUNT_OVERLAY,
  CHANGE_UNMOUNT,
  CHANGE_HOLD,
};

// Bytes borrowed from the frame they came in.
struct bytes {
  const uint8_t *data;
  size_t length;
};

struct bytes_list {
  struct bytes *items;
  size_t count;
};

struct time_value {
  int64_t seconds;
  uint32_t nanoseconds;
};

struct time_spec {
  uint8_t kind;  // 0 leave, 1 now, 2 the time
  struct time_value time;
};

// kind 0: the bytes; 1: the blob of that digest.
struct content {
  uint8_t kind;
  struct bytes bytes;
  const uint8_t *sha256;
};

enum exec_flag {
  EXEC_PTY = 1,
  EXEC_STREAM = 2,
  EXEC_MERGE_STDERR = 4,
  EXEC_KILL_LEFTOVERS = 8,
  EXEC_BACKGROUND = 16,
  EXEC_SELF = 32,
  EXEC_LAX_OWNERS = 64,
};
#define STARTED_LIVES_ON 1u
enum stdin_kind { STDIN_NONE = 0, STDIN_BYTES = 1, STDIN_BLOB = 2, STDIN_STREAM = 3 };

// A file to be laid into the process's own /run/crun. `content.bytes` holds it, whatever its kind: blobs were looked up
// (and mapped) before.
struct exec_file {
  const char *name;  // no slash, not empty, not "." or ".."
  uint16_t mode;
  struct content content;
};

// A decoded Exec. Strings end with NUL and are borrowed from the frame; the arrays belong to the spec.
// Before the process runs: a cgroup that is made, and that it is put into, or what is written to a file of one.
struct cgroup_step {
  const char *path;    // on the host
  struct bytes value;  // none: a cgroup
};

// A device of the host that the process may open.
struct exec_device {
  const char *path;  // beneath /dev, canonical
  uint32_t type;     // S_IFCHR or S_IFBLK; like the number looked up on the host right before the start
  uint64_t number;
};

struct exec_spec {
  char **argv;         // at least one, NULL at the end
  char **environment;  // NULL at the end
  const char *directory;
  const char *user;  // as written; empty: root
  uint32_t flags;    // enum exec_flag
  uint8_t stdin_kind;
  struct bytes stdin_bytes;
  const uint8_t *stdin_sha256;
  uint32_t timeout_ms;    // 0: none
  uint64_t output_limit;  // never 0: the default is filled in
  uint16_t rows;
  uint16_t columns;
  uint16_t umask;  // never 0xffff: the default is filled in
  uint8_t entry;   // enum entry_kind; 255: the tree's
  struct exec_file *files;
  size_t file_count;
  struct cgroup_step *cgroups;
  size_t cgroup_count;
  uint64_t capabilities;  // that root keeps beyond those of the entry
  uint32_t calls;         // enum call_group: system calls that are not refused
  struct exec_device *devices;
  size_t device_count;
};

enum exit_kind { EXIT_EXITED = 0, EXIT_SIGNALED = 1, EXIT_TIMED_OUT = 2, EXIT_NOT_STARTED = 3, EXIT_CANCELLED = 4 };

// How a process ended, on the wire. `failure` only for EXIT_NOT_STARTED.
struct exit_value {
  uint8_t kind;
  uint32_t value;
  struct err failure;
  uint32_t wall_ms;
  uint32_t cpu_ms;
};

// The answer of the MACHINE probe.
struct machine_info {
  bool is_running;
  char name[256];
  uint32_t leader;
  char cgroup[1024];  // of the leader, beneath the cgroup mount
  uint32_t uid_shift;
  char init[64];  // name of its PID 1
  bool has_private_users;
};

#endif
