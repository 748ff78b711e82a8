// Answers OBSERVE: a batch of probes, their items packed into as few frames as they fit.
#include "run.h"
#include "tree.h"

struct answer {
  struct tree *tree;
  uint32_t channel;
  // Replies of before (`prefix` bytes) and, from `start` on, an OBSERVED under construction. It is the port's own
  // buffer, borrowed, so that nothing is copied where no CONTENT must go before it.
  struct buffer frame;
  size_t prefix;
  size_t start;
  uint32_t count;
};

// Offsets in the frame: length, type, channel, then the fields.
#define LAST_AT 9
#define COUNT_AT 14

static void begin_frame(struct answer *answer, uint32_t first) {
  answer->start = answer->frame.length;
  // Room for most batches at once: growing costs more than the memory.
  buffer_reserve(&answer->frame, 64u * 1024u);
  frame_begin(&answer->frame, MESSAGE_OBSERVED, answer->channel);
  put_u8(&answer->frame, 0);
  put_u32(&answer->frame, first);
  put_u32(&answer->frame, 0);
  answer->count = 0;
}

static void end_frame(struct answer *answer, bool is_last) {
  struct port *port = answer->tree->port;
  // Unless CONTENT has taken them along, the replies of before go with the frame.
  size_t from = answer->prefix - port->held_length;
  answer->frame.data[answer->start + LAST_AT] = is_last;
  set_u32(&answer->frame, answer->start + COUNT_AT, answer->count);
  frame_end(&answer->frame, answer->start);
  if (port->out.length == 0 && from == 0) {
    struct buffer empty = port->out;
    port->out = answer->frame;
    answer->frame = empty;
  } else {
    put_raw(&port->out, answer->frame.data + from, answer->frame.length - from);
    answer->frame.length = 0;
  }
  answer->prefix = port->held_length = 0;
  port->held = NULL;
  port_flush_if_full(port);
}

static int probe_machine(struct tree *tree, struct buffer *out, struct err *err) {
  struct machine_info machine = {0};
  struct entry *entry;
  if (tree_entry(tree, false, ENTRY_TREES, &entry, err) != 0 || entry_machine(entry, &machine, err) != 0) return -1;
  put_u8(out, machine.is_running);
  put_str(out, machine.name);
  put_u32(out, machine.leader);
  put_str(out, machine.cgroup);
  put_u32(out, machine.uid_shift);
  put_str(out, machine.init);
  put_u8(out, machine.has_private_users);
  return 0;
}

static int run_probe(struct tree *tree, const struct probe *probe, const struct task *task, struct buffer *out,
                     struct err *err) {
  switch ((enum probe_kind)probe->kind) {
    case PROBE_STAT:
      return probe_stat(tree, probe, out, err);
    case PROBE_READ:
      return probe_read(tree, probe, task, out, err);
    case PROBE_HASH:
      return probe_hash(tree, probe, out, err);
    case PROBE_LIST:
      return probe_list(tree, probe, out, err);
    case PROBE_GLOB:
      return probe_glob(tree, probe, out, err);
    case PROBE_EXEC:
      return run_kept(tree, probe->at_host, probe->exec, task, out, NULL, err);
    case PROBE_MACHINE:
      return probe_machine(tree, out, err);
    case PROBE_CONNECT:
      return probe_connect(tree, probe, out, err);
  }
  return err_fail(err, FAILURE_BAD_REQUEST, "probe", probe->path, "Unknown kind of probe.");
}

static void answer_probe(struct answer *answer, const struct probe *probe, uint32_t index) {
  struct buffer *frame = &answer->frame;
  size_t start = frame->length, size;
  struct task task = {answer->channel, index};
  struct err err;
  err_clear(&err);
  beat_step(answer->tree->beat);
  put_u8(frame, 0);
  if (run_probe(answer->tree, probe, &task, frame, &err) != 0) {
    frame->length = start;
    put_u8(frame, 1);
    put_failure(frame, &err);
  }
  size = frame->length - start;
  if (size > CHUNK_MAX) {
    reply_content(answer->tree->port, answer->channel, index, frame->data + start, size);
    frame->length = start;
    put_u8(frame, 2);
    put_u64(frame, size);
  }
  if (frame->length - answer->start > FRAME_MAX) {
    auto_buffer struct buffer item = {0};
    put_raw(&item, frame->data + start, frame->length - start);
    frame->length = start;
    end_frame(answer, false);
    begin_frame(answer, index);
    put_raw(frame, item.data, item.length);
  }
  answer->count++;
}

static bool has_exec(const struct observe *request) {
  for (size_t i = 0; i < request->count; i++) {
    if (request->probes[i].kind == PROBE_EXEC) return true;
  }
  return false;
}

void observe_request(struct tree *tree, uint32_t channel, struct cursor *cursor) {
  struct observe request;
  struct answer answer = {.tree = tree, .channel = channel};
  decode_observe(cursor, &request);
  if (cursor->is_broken) port_broken(tree->port, "an OBSERVE that cannot be decoded");
  // A process may take its time: what was answered before does not wait for it.
  if (has_exec(&request)) port_flush(tree->port);
  if (tree->port->out_sent == 0) {
    answer.frame = tree->port->out;
    answer.prefix = tree->port->held_length = answer.frame.length;
    tree->port->held = &answer.frame;
    tree->port->out = (struct buffer){0};
  }
  begin_frame(&answer, 0);
  for (size_t i = 0; i < request.count; i++) answer_probe(&answer, &request.probes[i], (uint32_t)i);
  end_frame(&answer, true);
  buffer_free(&answer.frame);
  observe_clear(&request);
}
