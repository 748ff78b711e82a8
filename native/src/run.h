// Runs a process in a tree and carries its streams.
#ifndef CRUN_RUN_H
#define CRUN_RUN_H

#include "tree.h"

// For probes and changes: puts Exit, stdout and stderr. A failure to start is an Exit too; -1 only where the request
// itself is wrong. `succeeded` (may be NULL): it was started, and ended by itself, whatever its status.
int run_kept(struct tree *tree, bool at_host, const struct exec_spec *spec, const struct task *task, struct buffer *out,
             bool *succeeded, struct err *err);

#endif
