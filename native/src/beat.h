// A worker's sign of life, in memory that it shares with the router.
#ifndef CRUN_BEAT_H
#define CRUN_BEAT_H

#include <stdatomic.h>
#include <stdint.h>

// Longest stay in one system call, in seconds, before the router ends the worker; longer where a disk must take what
// was written.
#define BEAT_DEADLINE 60u
#define BEAT_DEADLINE_SYNC 900u

enum beat_state {
  BEAT_WORKS,
  BEAT_WAITS,               // for a process, a lock or the router to take replies: no deadline runs
  BEAT_WAITS_FOR_REQUESTS,  // no deadline runs while there are none
};

struct beat {
  _Atomic uint32_t ticks;     // counts up with every step
  _Atomic uint32_t state;     // enum beat_state
  _Atomic uint32_t deadline;  // seconds, for the step at hand
};

static inline void beat_step(struct beat *beat) {
  atomic_store_explicit(&beat->deadline, BEAT_DEADLINE, memory_order_relaxed);
  atomic_fetch_add_explicit(&beat->ticks, 1, memory_order_relaxed);
}

static inline void beat_sync(struct beat *beat) {
  atomic_store_explicit(&beat->deadline, BEAT_DEADLINE_SYNC, memory_order_relaxed);
  atomic_fetch_add_explicit(&beat->ticks, 1, memory_order_relaxed);
}

static inline void beat_enter(struct beat *beat, enum beat_state state) {
  atomic_store_explicit(&beat->state, state, memory_order_relaxed);
  atomic_fetch_add_explicit(&beat->ticks, 1, memory_order_relaxed);
}

#endif
