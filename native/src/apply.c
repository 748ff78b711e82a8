// Carries out APPLY: a batch of changes, in order, up to the first that fails.
#include <errno.h>
#include <stdlib.h>

#include "run.h"
#include "tree.h"

static int carry_out(struct tree *tree, const struct change *change, const struct task *task, struct buffer *out,
                      bool *succeeded, struct err *err) {
  *succeeded = true;
  switch ((enum change_kind)change->kind) {
    case CHANGE_WRITE_FILE:
      return change_write_file(tree, change, err);
    case CHANGE_MAKE_DIRECTORY:
      return change_make_directory(tree, change, err);
    case CHANGE_MAKE_LINK:
      return change_make_link(tree, change, err);
    case CHANGE_HARD_LINK:
      return change_hard_link(tree, change, err);
    case CHANGE_REMOVE:
      return change_remove(tree, change, err);
    case CHANGE_SET_ATTRIBUTES:
      return change_set_attributes(tree, change, err);
    case CHANGE_COPY_FILE:
      return change_copy_file(tree, change, err);
    case CHANGE_RENAME:
      return change_rename(tree, change, err);
    case CHANGE_EXEC:
      return run_kept(tree, change->at_host, change->exec, task, out, succeeded, err);
    case CHANGE_WRITE_KERNEL:
      return change_write_kernel(tree, change, err);
    case CHANGE_LOCK:
      return change_lock(tree, change, task->channel, err);
    case CHANGE_UNLOCK:
      return change_unlock(tree, change, err);
    case CHANGE_HOLD:
      return change_hold(tree, change, task->channel, err);
    case CHANGE_SUBVOLUME:
      return change_subvolume(tree, change, err);
    case CHANGE_SET_SUBVOLUME:
      return change_set_subvolume(tree, change, err);
    case CHANGE_MOUNT_OVERLAY:
      return change_mount_overlay(tree, change, err);
    case CHANGE_UNMOUNT:
      return change_unmount(tree, change, err);
  }
  return err_fail(err, FAILURE_BAD_REQUEST, "change", change->path, "Unknown kind of change.");
}

// What a change says of owners is in the machine's own ids.
static int shift_owner(const struct ids *ids, struct change *change, struct err *err) {
  if (change->uid != ID_KEEP && !id_outside(&ids->users, change->uid, &change->uid)) {
    return err_fail_errno(err, FAILURE_SYSTEM, EINVAL, "chown", change->path, "The machine has no user id %u.",
                          change->uid);
  }
  if (change->gid != ID_KEEP && !id_outside(&ids->groups, change->gid, &change->gid)) {
    return err_fail_errno(err, FAILURE_SYSTEM, EINVAL, "chown", change->path, "The machine has no group id %u.",
                          change->gid);
  }
  return 0;
}

static int run_change(struct tree *tree, struct change *change, const struct task *task, struct buffer *out,
                      bool *succeeded, struct err *err) {
  const struct ids *ids = &tree_root(tree, change->at_host)->ids;
  *succeeded = true;
  if (change->kind != CHANGE_EXEC && tree_refuse_foreign(tree, change->at_host, err) != 0) return -1;
  // A process has its ids from joining the machine.
  if (!ids->is_shifted || change->kind == CHANGE_EXEC) return carry_out(tree, change, task, out, succeeded, err);
  if (shift_owner(ids, change, err) != 0 || ids_enter(ids, err) != 0) return -1;
  int status = carry_out(tree, change, task, out, succeeded, err);
  ids_leave(ids);
  return status;
}

static void put_applied(struct tree *tree, const struct task *task, const struct buffer *outcome) {
  struct buffer *out = &tree->port->out;
  bool is_large = outcome->length > CHUNK_MAX;
  size_t start;
  if (is_large) reply_content(tree->port, task->channel, task->index, outcome->data, outcome->length);
  start = frame_begin(out, MESSAGE_APPLIED, task->channel);
  put_u32(out, task->index);
  if (is_large) {
    put_u8(out, 2);
    put_u64(out, outcome->length);
  } else {
    put_raw(out, outcome->data, outcome->length);
  }
  frame_end(out, start);
  port_flush_if_full(tree->port);
  port_send_if_due(tree->port);
}

static bool apply_one(struct tree *tree, struct change *change, const struct task *task) {
  auto_buffer struct buffer outcome = {0};
  struct err err;
  bool succeeded;
  err_clear(&err);
  beat_step(tree->beat);
  put_u8(&outcome, 0);
  if (run_change(tree, change, task, &outcome, &succeeded, &err) != 0) {
    succeeded = false;
    outcome.length = 0;
    put_u8(&outcome, 1);
    put_failure(&outcome, &err);
  }
  put_applied(tree, task, &outcome);
  return succeeded;
}

// The locks of a batch are held until the next one begins (or the worker has been idle for a moment): its parts come in
// several messages.
static void begin_batch(struct tree *tree, uint32_t batch) {
  if (!tree->has_open_batch || tree->open_batch != batch) unlock_all(tree);
  tree->has_open_batch = true;
  tree->open_batch = batch;
}

void apply_request(struct tree *tree, uint32_t channel, struct cursor *cursor) {
  struct apply request;
  uint32_t applied = 0;
  decode_apply(cursor, &request);
  if (cursor->is_broken) port_broken(tree->port, "an APPLY that cannot be decoded");
  begin_batch(tree, request.batch);
  for (size_t i = 0; i < request.count; i++) {
    struct task task = {channel, (uint32_t)i};
    if (tree->has_failed_batch && tree->failed_batch == request.batch) break;
    if (port_is_cancelled(tree->port, channel) || !apply_one(tree, &request.changes[i], &task)) {
      tree->has_failed_batch = true;
      tree->failed_batch = request.batch;
      unlock_all(tree);
      break;
    }
    applied++;
  }
  reply_done(tree->port, channel, applied);
  apply_clear(&request);
}
