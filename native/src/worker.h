// The process that serves one tree.
#ifndef CRUN_WORKER_H
#define CRUN_WORKER_H

#include <sys/types.h>

#include "beat.h"
#include "blob.h"

struct worker_config {
  int socket;    // to the router
  int null_fd;   // /dev/null
  int user_namespace;  // for trees, see user_namespace.h; 0: none
  int own_mounts;  // see own_mounts.h; -1: none
  pid_t router;  // whose death ends the worker
  struct beat *beat;
  struct blob_store *blobs;  // as they are at the fork
  bool has_openat2;
  uint64_t file_limit;  // soft RLIMIT_NOFILE, as the helper was started with
};

// Runs in the forked child and never returns. Serves requests in order until the tree is closed or the router is gone.
_Noreturn void worker_main(const struct worker_config *config);

#endif
