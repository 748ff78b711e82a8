// What worker, agent and runner say to each other: one message with descriptors, over a seqpacket socket.
#ifndef CRUN_CHANNEL_H
#define CRUN_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "entry.h"

#define CHANNEL_FDS_MAX 8
// In the value of CHANNEL_SPAWN: the last descriptor is the gate at which the process waits for a byte.
#define CHANNEL_HAS_GATE 32
#define CHANNEL_DEADLINE_MS 30000

enum channel_kind {
  CHANNEL_SETUP = 1, // worker to agent: struct setup; the machine's descriptors
  CHANNEL_READY,     // agent to worker
  CHANNEL_SPAWN,     // worker to agent: the packed spec, the runner's socket, the standard streams, the read ends of a job
  CHANNEL_STARTING,  // the process itself to the worker: its credentials tell the pid; its terminal
  CHANNEL_STARTED,   // runner to worker: the program runs
  CHANNEL_FAILED,    // anyone to the worker: struct err
  CHANNEL_SIGNAL,    // worker to runner: to the foreground group
  CHANNEL_KILL,      // worker to runner: the process and all that descends from it
  CHANNEL_FORGET,    // worker to runner: end
};

struct channel_message {
  uint32_t kind;
  int32_t value; // signal number
  uint32_t tasks; // CHANNEL_SPAWN: how many processes this one may have by a limit of its own; 0: none
  struct err err;
};

// The entry kinds of the wire, and the host's own root.
enum agent_kind { AGENT_CHROOT = 1, AGENT_UNSHARE, AGENT_NSPAWN, AGENT_MACHINE, AGENT_HOST };

// The agent's working directory is the tree when it starts.
struct setup {
  uint32_t kind; // CHANNEL_SETUP
  uint32_t agent;
  uint64_t bounding;      // of the machine's leader; of a tree's root in systemd-nspawn
  bool no_new_privileges; // of the machine's leader
  uint32_t tasks;         // how many processes the tree may have (tasks.h)
  char tree_name[256];
  char root_path[4096];
};

// Sends a whole message or fails with errno; never raises SIGPIPE.
int channel_send(int socket, const void *data, size_t length, const int *fds, size_t fd_count);

// Receives one message within a time (ms; -1: for ever). 0: the other side is gone. -1: errno (EPROTO for what does not
// fit). `fds` has room for CHANNEL_FDS_MAX; `sender` may be NULL, else the socket has SO_PASSCRED.
ssize_t channel_receive(int socket, void *data, size_t capacity, int *fds, size_t *fd_count, pid_t *sender,
                        int timeout_ms);

// The spec as one descriptor that holds all of it, files too, so that it fits whatever its size.
int spec_pack(const struct exec_spec *spec, int *out, struct err *err);

struct unpacked_spec {
  struct exec_spec spec; // borrows from the mapping
  void *mapping;
  size_t size;
};

// The other way; of spec_forget. Trusts nothing: bounds are checked.
int spec_unpack(int fd, struct unpacked_spec *out, struct err *err);
void spec_forget(struct unpacked_spec *unpacked);

#endif
