// The router's end of the line to one worker.
#include "link.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fatal.h"

bool is_request(uint8_t type) {
  return type == MESSAGE_OPEN_TREE || type == MESSAGE_CLOSE_TREE || type == MESSAGE_OBSERVE || type == MESSAGE_APPLY ||
         type == MESSAGE_EXEC;
}

bool ends_request(uint8_t type, const uint8_t *payload, size_t length) {
  if (type == MESSAGE_OBSERVED) return length > 0 && payload[0] != 0;
  return type == MESSAGE_OPENED || type == MESSAGE_DONE || type == MESSAGE_EXITED || type == MESSAGE_ERROR;
}

void link_add_request(struct link *link, uint32_t channel, uint8_t type, size_t size) {
  if (link->request_count == link->request_capacity) {
    link->request_capacity = link->request_capacity == 0 ? 8 : link->request_capacity * 2;
    link->requests = realloc(link->requests, link->request_capacity * sizeof *link->requests);
    if (link->requests == NULL) fatal("no memory");
  }
  link->requests[link->request_count++] = (struct request){channel, type, size};
  link->request_bytes += size;
}

const struct request *link_find_request(const struct link *link, uint32_t channel) {
  for (size_t i = 0; i < link->request_count; i++) {
    if (link->requests[i].channel == channel) return &link->requests[i];
  }
  return NULL;
}

uint8_t link_end_request(struct link *link, uint32_t channel) {
  for (size_t i = 0; i < link->request_count; i++) {
    struct request request = link->requests[i];
    if (request.channel != channel) continue;
    link->request_bytes -= request.size;
    link->request_count--;
    for (size_t j = i; j < link->request_count; j++) link->requests[j] = link->requests[j + 1];
    return request.type;
  }
  return 0;
}

void link_put_frame(struct link *link, const uint8_t *frame, size_t length) {
  put_raw(&link->out, frame, length);
}

size_t link_unsent(const struct link *link) {
  return link->out.length - link->out_sent;
}

int link_send(struct link *link) {
  int error = 0;
  while (link_unsent(link) > 0) {
    ssize_t sent = send(link->fd, link->out.data + link->out_sent, link_unsent(link), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      link->out_sent += (size_t)sent;
    } else if (errno == EAGAIN) {
      buffer_drop_sent(&link->out, &link->out_sent);
      return 0;
    } else if (errno != EINTR) {
      error = errno;
      break;
    }
  }
  link->out.length = link->out_sent = 0;
  // Who is gone is told by the end of what it says, after its last words.
  return error == EPIPE || error == ECONNRESET ? 0 : error;
}

void link_free(struct link *link) {
  if (link->fd >= 0) close(link->fd);
  if (link->beat != NULL) munmap(link->beat, sizeof *link->beat);
  buffer_free(&link->in);
  buffer_free(&link->out);
  free(link->requests);
  free(link);
}
