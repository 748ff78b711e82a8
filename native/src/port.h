// A worker's line to the router: requests come in, replies go out.
#ifndef CRUN_PORT_H
#define CRUN_PORT_H

#include <stdbool.h>

#include "beat.h"
#include "buffer.h"
#include "codec.h"

// Between router and worker alone, never on the wire; on channel 0.
enum inner_message {
  INNER_BROKEN = 0x7e,  // worker to router: the stream is broken; text
  INNER_BLOB = 0x7f,    // router to worker: sha256, offset u64, size u64
};

// One received frame; its payload may be changed in place.
struct frame {
  struct frame *next;
  uint8_t type;
  uint32_t channel;
  size_t length;
  uint8_t payload[];
};

struct port {
  int fd;  // a stream socket, non-blocking
  struct beat *beat;
  bool has_ended;  // the router closed it
  struct buffer in;
  struct buffer out;
  size_t out_sent;  // of `out`
  int64_t last_send_ms;
  // Replies of before that whoever borrowed `out` still holds, in front of its own; they go before any CONTENT.
  const struct buffer *held;
  size_t held_length;
  struct frame *first;
  struct frame **end;
};

void port_init(struct port *port, int fd, struct beat *beat);

// Takes in what is there, or waits for something where `is_waiting`.
void port_receive(struct port *port, bool is_waiting);

// The next request in order, or NULL. The caller frees it.
struct frame *port_take(struct port *port);

// The next INPUT, RESIZE, SIGNAL or CANCEL of that channel, or NULL; others keep their order. The caller frees it.
struct frame *port_take_control(struct port *port, uint32_t channel);

// Takes in what is there; whether a CANCEL for the channel waits.
bool port_is_cancelled(struct port *port, uint32_t channel);

// Sends what the socket takes, without waiting.
void port_send(struct port *port);
size_t port_unsent(const struct port *port);
// Sends all, waiting as long as the router needs.
void port_flush(struct port *port);
// Sends once there is enough for it to pay.
void port_flush_if_full(struct port *port);

// Sends what the socket takes if nothing was sent for a moment: for news of long work.
void port_send_if_due(struct port *port);

// The rest of a frame that cannot be understood: tells the router, which ends the helper.
_Noreturn void port_broken(struct port *port, const char *what);

// Whole replies.
void reply_error(struct port *port, uint32_t channel, const struct err *err);
void reply_done(struct port *port, uint32_t channel, uint32_t applied);
// CONTENT in pieces, sent as it comes.
void reply_content(struct port *port, uint32_t channel, uint32_t index, const uint8_t *data, size_t length);

#endif
