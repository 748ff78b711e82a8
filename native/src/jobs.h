// Processes in the background of a tree: requests that come after them do not wait for their end.
#ifndef CRUN_JOBS_H
#define CRUN_JOBS_H

#include <poll.h>

#include "tree.h"

// Starts one; answers STARTED or ERROR. OUTPUT and EXITED come later, on the same channel.
void jobs_start(struct tree *tree, uint32_t channel, const struct exec_spec *spec);

// poll(2) for `left` ms (RUNNING_FOR_EVER: no end), during which the jobs go on. Whoever waits in a worker waits here.
void jobs_poll(struct tree *tree, struct pollfd *fds, size_t count, int64_t left);

// What the controller says to jobs goes to them, not to who takes the next request.
void jobs_hear(struct tree *tree);

// Leaves them to their entry's end. Those that live on go on without anybody who hears them.
void jobs_close(struct tree *tree);

#endif
