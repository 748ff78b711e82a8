// Cleanup attributes and the stealing of what they would clean up.
#ifndef CRUN_CLEANUP_H
#define CRUN_CLEANUP_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(int *fd) {
  if (*fd >= 0) close(*fd);
}

static inline void cleanup_free(void *pointer) {
  free(*(void **)pointer);
}

static inline void cleanup_closedir(DIR **dir) {
  if (*dir != NULL) closedir(*dir);
}

#define auto_close __attribute__((cleanup(cleanup_close)))
#define auto_free __attribute__((cleanup(cleanup_free)))
#define auto_closedir __attribute__((cleanup(cleanup_closedir)))

// The descriptor leaves the variable, which closes nothing then.
static inline int steal_fd(int *fd) {
  int stolen = *fd;
  *fd = -1;
  return stolen;
}

static inline void *steal_pointer_at(void *pointer) {
  void **slot = pointer;
  void *stolen = *slot;
  *slot = NULL;
  return stolen;
}

#define steal_pointer(slot) ((__typeof__(*(slot)))steal_pointer_at(slot))

#endif
