// What the controller says: requests go to the workers, blobs are kept.
#include <errno.h>
#include <unistd.h>

#include "codec.h"
#include "fatal.h"
#include "own_mounts.h"
#include "port.h"
#include "router_state.h"

static void open_tree(struct router *router, uint32_t tree, uint32_t channel, const uint8_t *frame, size_t length) {
  struct link *link = find_link(router, tree);
  struct err err;
  if (link != NULL) {
    err_fail(&err, FAILURE_BAD_REQUEST, "open tree", "", "There is an open tree of this number already.");
    reply_failure(router, channel, &err);
    return;
  }
  // The flags are the last field.
  if (router->own_mounts < 0 && (read_u32(frame + length - 4) & OPEN_OWN_MOUNTS)) router->own_mounts = own_mounts_make();
  link = add_link(router, tree);
  if (start_worker(router, link, &err) != 0) {
    reply_failure(router, channel, &err);
    forget_link(router, link);
    return;
  }
  link_add_request(link, channel, MESSAGE_OPEN_TREE, length);
  forward(router, link, frame, length);
}

static void take_request(struct router *router, uint8_t type, uint32_t channel, const uint8_t *frame, size_t length) {
  uint32_t tree;
  struct link *link;
  struct err err;
  if (length < 9 + 4) fatal("a request that cannot be decoded");
  tree = read_u32(frame + 9);
  if (type == MESSAGE_OPEN_TREE) {
    open_tree(router, tree, channel, frame, length);
    return;
  }
  link = find_link(router, tree);
  if (link == NULL) {
    err_fail(&err, FAILURE_BAD_REQUEST, "tree", "", "There is no open tree of this number.");
    reply_failure(router, channel, &err);
  } else if (link->fd >= 0) {
    link_add_request(link, channel, type, length);
    forward(router, link, frame, length);
  } else if (type == MESSAGE_CLOSE_TREE) {
    size_t start = frame_begin(&router->out, MESSAGE_DONE, channel);
    put_u32(&router->out, 0);
    frame_end(&router->out, start);
    forget_link(router, link);
  } else {
    reply_failure(router, channel, &link->gone);
  }
}

// INPUT and the like go where their channel is open; what has ended needs them no more.
static void take_control(struct router *router, uint32_t channel, const uint8_t *frame, size_t length) {
  for (size_t i = 0; i < router->link_count; i++) {
    struct link *link = router->links[i];
    if (link->fd >= 0 && link_find_request(link, channel) != NULL) {
      forward(router, link, frame, length);
      return;
    }
  }
}

static void tell_blob(struct router *router, const struct blob *blob) {
  struct buffer message = {0};
  size_t start = frame_begin(&message, (enum message_type)INNER_BLOB, 0);
  put_raw(&message, blob->sha256, 32);
  put_u64(&message, blob->offset);
  put_u64(&message, blob->size);
  frame_end(&message, start);
  for (size_t i = 0; i < router->link_count; i++) {
    if (router->links[i]->fd >= 0) forward(router, router->links[i], message.data, message.length);
  }
  buffer_free(&message);
}

static void take_blob(struct router *router, uint32_t channel, uint8_t *payload, size_t length) {
  struct cursor cursor = {.at = payload, .left = length};
  struct blob blob;
  struct err err;
  size_t start;
  switch (upload_chunk(&router->uploads, &router->blobs, channel, &cursor, &blob, &err)) {
    case UPLOAD_MORE:
      return;
    case UPLOAD_BROKEN:
      fatal("a BLOB that cannot be decoded");
    case UPLOAD_FAILED:
      reply_failure(router, channel, &err);
      return;
    case UPLOAD_STORED:
      tell_blob(router, &blob);
      break;
    case UPLOAD_KNOWN:
      break;
  }
  start = frame_begin(&router->out, MESSAGE_BLOB_STORED, channel);
  put_raw(&router->out, blob.sha256, 32);
  frame_end(&router->out, start);
}

static void take_frame(struct router *router, uint8_t *frame, size_t length) {
  uint8_t type = frame[4];
  uint32_t channel = read_u32(frame + 5);
  if (channel == 0) fatal("a message on channel 0");
  if (is_request(type)) {
    take_request(router, type, channel, frame, length);
  } else if (type == MESSAGE_BLOB) {
    take_blob(router, channel, frame + 9, length - 9);
  } else if (type == MESSAGE_INPUT || type == MESSAGE_RESIZE || type == MESSAGE_SIGNAL || type == MESSAGE_CANCEL) {
    take_control(router, channel, frame, length);
  } else {
    fatal("a message of unknown type 0x%02x", type);
  }
}

bool take_input(struct router *router) {
  struct buffer *in = &router->in_buffer;
  ssize_t got = read(router->in, buffer_reserve(in, READ_SIZE), READ_SIZE);
  size_t at = 0;
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (got <= 0) return false;
  in->length += (size_t)got;
  while (in->length - at >= 4) {
    uint32_t length = read_u32(in->data + at);
    if (length < FRAME_MIN || length > FRAME_MAX) fatal("a frame of %u bytes", length);
    if (length > in->length - at - 4) break;
    take_frame(router, in->data + at, length + 4);
    at += length + 4;
  }
  buffer_drop_front(in, at);
  for (size_t i = 0; i < router->link_count; i++) {
    if (link_unsent(router->links[i]) > 0) send_link(router, router->links[i]);
  }
  return true;
}
