// Processes in the background: started, carried while the worker waits for something else, told.
#include "jobs.h"

#include <stdlib.h>
#include <string.h>

#include "running.h"

struct job {
  struct job *next;
  struct task task;
  struct running running;
  uint8_t *stdin_copy;
};

static void free_job(struct job *job) {
  running_release(&job->running);
  free(job->stdin_copy);
  free(job);
}

void jobs_start(struct tree *tree, uint32_t channel, const struct exec_spec *spec) {
  struct job *job = allocate(1, sizeof *job);
  struct exec_spec own = *spec;
  struct err err;
  err_clear(&err);
  job->task = (struct task){channel, 0};
  job->running = (struct running){
      .tree = tree, .task = &job->task, .is_streaming = true, .is_job = true, .process = PROCESS_NONE};
  if (spec->stdin_kind == STDIN_BYTES) {
    // The frame that holds them will be gone.
    job->stdin_copy = allocate(spec->stdin_bytes.length + 1, 1);
    memcpy(job->stdin_copy, spec->stdin_bytes.data, spec->stdin_bytes.length);
    own.stdin_bytes.data = job->stdin_copy;
  }
  if (running_start(&job->running, &own, false, &err) != 0) {
    reply_error(tree->port, channel, &err);
    free_job(job);
    return;
  }
  running_reply_started(&job->running);
  job->next = tree->jobs;
  tree->jobs = job;
}

static void end_job(struct job **slot) {
  struct job *job = *slot;
  struct exit_value exit = {0};
  *slot = job->next;
  running_finish(&job->running, &exit);
  running_reply_exited(&job->running, &exit);
  free_job(job);
}

void jobs_hear(struct tree *tree) {
  for (struct job *job = tree->jobs; job != NULL; job = job->next) running_hear(&job->running);
}

static size_t count_jobs(const struct tree *tree) {
  size_t count = 0;
  for (const struct job *job = tree->jobs; job != NULL; job = job->next) count++;
  return count;
}

void jobs_poll(struct tree *tree, struct pollfd *fds, size_t count, int64_t left) {
  size_t total = count + count_jobs(tree) * RUNNING_FDS;
  struct pollfd *all = allocate(total, sizeof *all);
  struct pollfd *of_job = all + count;
  memcpy(all, fds, count * sizeof *all);
  for (struct job *job = tree->jobs; job != NULL; job = job->next, of_job += RUNNING_FDS) {
    int64_t own = running_keep_time(&job->running);
    if (own < left) left = own;
    running_watch(&job->running, of_job);
  }
  beat_enter(tree->beat, BEAT_WAITS);
  if (poll(all, total, left > 60000 ? 60000 : (int)left) < 0) {
    for (size_t i = 0; i < total; i++) all[i].revents = 0;
  }
  beat_enter(tree->beat, BEAT_WORKS);
  memcpy(fds, all, count * sizeof *all);
  of_job = all + count;
  for (struct job **slot = &tree->jobs; *slot != NULL; of_job += RUNNING_FDS) {
    struct running *running = &(*slot)->running;
    if (running_handle(running, of_job) || running_keep_time(running) == 0) end_job(slot);
    else slot = &(*slot)->next;
  }
  free(all);
}

void jobs_close(struct tree *tree) {
  while (tree->jobs != NULL) {
    struct job *job = tree->jobs;
    tree->jobs = job->next;
    free_job(job);
  }
}
