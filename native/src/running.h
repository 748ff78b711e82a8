// A process at work in a tree, from its start to its end, for whoever waits for it.
#ifndef CRUN_RUNNING_H
#define CRUN_RUNNING_H

#include <poll.h>

#include "tree.h"

// stdin, stdout, stderr, status.
#define RUNNING_FDS 4
#define RUNNING_FOR_EVER INT64_MAX

struct running {
  struct tree *tree;
  struct entry *entry;
  const struct task *task;
  bool is_streaming;
  bool is_kept;  // output goes into the result
  bool is_job;   // in the background: `output_limit` holds for what is streamed
  uint32_t flags;
  uint64_t output_limit;
  uint64_t sent[2];
  struct process process;
  bool is_terminal;       // stdin_fd and stdout_fd are one
  struct bytes fixed;     // input that is known beforehand, borrowed
  struct buffer input;    // INPUT not yet taken by the process
  bool has_input_ended;   // nothing will follow
  struct buffer kept[2];  // stdout, stderr
  struct bytes *maps;     // blobs in use
  size_t map_count;
  int64_t start;
  int64_t end;  // when patience ends, ms; 0: never
  bool was_killed;
  uint8_t why;  // EXIT_TIMED_OUT or EXIT_CANCELLED once it was killed for that
  struct process_status status;
};

#define PROCESS_NONE {.pid = -1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .status_fd = -1}

int64_t running_now_ms(void);

// Starts it. `spec` is borrowed for the call, but its bytes of stdin until running_release. -1: nothing runs.
int running_start(struct running *running, const struct exec_spec *spec, bool at_host, struct err *err);

// Does what the controller says on its channel.
void running_hear(struct running *running);
void running_kill(struct running *running, uint8_t why);

// What to poll for, and what to do about it. True: it has ended, `status` says how.
void running_watch(const struct running *running, struct pollfd fds[RUNNING_FDS]);
bool running_handle(struct running *running, const struct pollfd fds[RUNNING_FDS]);

// Kills it once its time is over. The time (ms) until there is something to do; 0: it was given up.
int64_t running_keep_time(struct running *running);

// After its end: the rest of its output, and how it ended. Then release, in any case.
void running_finish(struct running *running, struct exit_value *exit);
void running_release(struct running *running);

void running_reply_started(const struct running *running);
void running_reply_exited(const struct running *running, struct exit_value *exit);

#endif
