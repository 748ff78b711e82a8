// The router's end of the line to one worker.
#ifndef CRUN_LINK_H
#define CRUN_LINK_H

#include <sys/types.h>

#include "beat.h"
#include "buffer.h"

struct request {
  uint32_t channel;
  uint8_t type;
  size_t size;  // of its frame
};

struct link {
  uint32_t tree;
  int fd;  // -1: the worker is gone, and its tree with it
  pid_t pid;
  struct beat *beat;
  uint32_t last_ticks;
  int64_t last_change_ms;
  struct buffer in;  // the beginning of a frame that has not come whole
  struct buffer out;
  size_t out_sent;
  bool waits_to_write;
  bool is_closed;   // CLOSE_TREE was answered
  struct err gone;  // why, where fd is -1
  struct request *requests;
  size_t request_count;
  size_t request_capacity;
  size_t request_bytes;
};

// Whether the type is one that is answered by a reply that ends it.
bool is_request(uint8_t type);
// Whether a reply is the last one to its request.
bool ends_request(uint8_t type, const uint8_t *payload, size_t length);

void link_add_request(struct link *link, uint32_t channel, uint8_t type, size_t size);
const struct request *link_find_request(const struct link *link, uint32_t channel);
// Forgets it; tells its type, or 0.
uint8_t link_end_request(struct link *link, uint32_t channel);
void link_put_frame(struct link *link, const uint8_t *frame, size_t length);
size_t link_unsent(const struct link *link);
// Sends what the socket takes. A worker that is gone is noticed when its end is read. Otherwise: errno of what cannot be sent any more, 0 where all is well.
int link_send(struct link *link);
void link_free(struct link *link);

#endif
