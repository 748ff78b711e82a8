// A worker's line to the router.
#include "port.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fatal.h"

#define READ_SIZE (256u * 1024u)
#define FLUSH_SIZE (256u * 1024u)
#define NEWS_MS 50

void port_init(struct port *port, int fd, struct beat *beat) {
  *port = (struct port){.fd = fd, .beat = beat};
  port->end = &port->first;
}

static void wait_for(struct port *port, short events) {
  struct pollfd poll_fd = {.fd = port->fd, .events = events};
  beat_enter(port->beat, events == POLLIN ? BEAT_WAITS_FOR_REQUESTS : BEAT_WAITS);
  while (poll(&poll_fd, 1, -1) < 0 && errno == EINTR) continue;
  beat_enter(port->beat, BEAT_WORKS);
}

static void split_frames(struct port *port) {
  size_t at = 0;
  while (port->in.length - at >= 4) {
    uint32_t length = read_u32(port->in.data + at);
    struct frame *frame;
    if (length > port->in.length - at - 4) break;
    frame = malloc(sizeof *frame + length - FRAME_MIN);
    if (frame == NULL) fatal("no memory");
    frame->next = NULL;
    frame->type = port->in.data[at + 4];
    frame->channel = read_u32(port->in.data + at + 5);
    frame->length = length - FRAME_MIN;
    memcpy(frame->payload, port->in.data + at + 9, frame->length);
    *port->end = frame;
    port->end = &frame->next;
    at += 4 + length;
  }
  buffer_drop_front(&port->in, at);
}

void port_receive(struct port *port, bool is_waiting) {
  while (!port->has_ended) {
    uint8_t *to = buffer_reserve(&port->in, READ_SIZE);
    ssize_t got = recv(port->fd, to, READ_SIZE, MSG_DONTWAIT);
    if (got > 0) {
      port->in.length += (size_t)got;
      split_frames(port);
      return;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      port->has_ended = true;
    } else if (errno == EAGAIN) {
      if (!is_waiting) return;
      wait_for(port, POLLIN);
    }
  }
}

static struct frame *unlink_frame(struct port *port, struct frame **slot) {
  struct frame *frame = *slot;
  if (frame == NULL) return NULL;
  *slot = frame->next;
  if (port->end == &frame->next) port->end = slot;
  return frame;
}

struct frame *port_take(struct port *port) {
  return unlink_frame(port, &port->first);
}

static bool is_control(uint8_t type) {
  return type == MESSAGE_INPUT || type == MESSAGE_RESIZE || type == MESSAGE_SIGNAL || type == MESSAGE_CANCEL;
}

struct frame *port_take_control(struct port *port, uint32_t channel) {
  for (struct frame **slot = &port->first; *slot != NULL; slot = &(*slot)->next) {
    if ((*slot)->channel == channel && is_control((*slot)->type)) return unlink_frame(port, slot);
  }
  return NULL;
}

bool port_is_cancelled(struct port *port, uint32_t channel) {
  port_receive(port, false);
  // The end of the connection ends everything.
  if (port->has_ended) return true;
  for (struct frame *frame = port->first; frame != NULL; frame = frame->next) {
    if (frame->channel == channel && frame->type == MESSAGE_CANCEL) return true;
  }
  return false;
}

size_t port_unsent(const struct port *port) {
  return port->out.length - port->out_sent;
}

void port_send(struct port *port) {
  while (port_unsent(port) > 0 && !port->has_ended) {
    ssize_t sent = send(port->fd, port->out.data + port->out_sent, port_unsent(port), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      port->out_sent += (size_t)sent;
    } else if (errno == EAGAIN) {
      buffer_drop_sent(&port->out, &port->out_sent);
      return;
    } else if (errno != EINTR) {
      port->has_ended = true;
    }
  }
  port->out.length = port->out_sent = 0;
}

void port_flush(struct port *port) {
  port_send(port);
  while (port_unsent(port) > 0) {
    wait_for(port, POLLOUT);
    port_send(port);
  }
}

void port_flush_if_full(struct port *port) {
  if (port_unsent(port) >= FLUSH_SIZE) port_flush(port);
}

void port_send_if_due(struct port *port) {
  struct timespec now;
  int64_t now_ms;
  clock_gettime(CLOCK_MONOTONIC, &now);
  now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
  if (now_ms - port->last_send_ms < NEWS_MS) return;
  port->last_send_ms = now_ms;
  port_send(port);
}

void port_broken(struct port *port, const char *what) {
  size_t start = frame_begin(&port->out, (enum message_type)INNER_BROKEN, 0);
  put_raw(&port->out, what, strlen(what));
  frame_end(&port->out, start);
  port_flush(port);
  _exit(EXIT_BROKEN);
}

void reply_error(struct port *port, uint32_t channel, const struct err *err) {
  size_t start = frame_begin(&port->out, MESSAGE_ERROR, channel);
  put_failure(&port->out, err);
  frame_end(&port->out, start);
}

void reply_done(struct port *port, uint32_t channel, uint32_t applied) {
  size_t start = frame_begin(&port->out, MESSAGE_DONE, channel);
  put_u32(&port->out, applied);
  frame_end(&port->out, start);
}

void reply_content(struct port *port, uint32_t channel, uint32_t index, const uint8_t *data, size_t length) {
  if (port->held_length > 0) put_raw(&port->out, port->held->data, port->held_length);
  port->held_length = 0;
  while (length > 0) {
    size_t part = length < CHUNK_MAX ? length : CHUNK_MAX;
    size_t start = frame_begin(&port->out, MESSAGE_CONTENT, channel);
    put_u32(&port->out, index);
    put_bytes(&port->out, data, part);
    frame_end(&port->out, start);
    port_flush_if_full(port);
    data += part;
    length -= part;
  }
}
