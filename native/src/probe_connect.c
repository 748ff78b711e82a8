// Tries whether something answers at a TCP port, from the host's own network: CONNECT.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "tree.h"

// Longer than this no peer is waited for, whatever was asked.
#define CONNECT_MS_MAX 60000
// A peer that has begun to speak is through when it was silent for so long.
#define SILENCE_MS 250
// How often the worker says that it is alive.
#define STEP_MS 200

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// 1: ready; 0: the time is over.
static int wait_ready(struct tree *tree, int fd, short events, int64_t until) {
  for (;;) {
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int64_t left = until - now_ms();
    int ready;
    beat_step(tree->beat);
    if (left <= 0) return 0;
    ready = poll(&poll_fd, 1, left < STEP_MS ? (int)left : STEP_MS);
    if (ready > 0) return 1;
    if (ready < 0 && errno != EINTR) return 0;
  }
}

static bool parse_address(const char *text, uint16_t port, struct sockaddr_storage *address, socklen_t *length) {
  struct sockaddr_in *v4 = (struct sockaddr_in *)address;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
  memset(address, 0, sizeof *address);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    *length = sizeof *v4;
    return true;
  }
  if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    *length = sizeof *v6;
    return true;
  }
  return false;
}

// What the peer says of itself, until it has said `limit` bytes, is silent, has ended, or the time is over.
static void read_greeting(struct tree *tree, int fd, size_t limit, int64_t until, struct buffer *out) {
  uint8_t *data = buffer_reserve(&tree->scratch, SCRATCH_SIZE);
  size_t length = 0;
  if (limit > SCRATCH_SIZE) limit = SCRATCH_SIZE;
  while (length < limit) {
    int64_t silent = now_ms() + SILENCE_MS;
    ssize_t got;
    if (!wait_ready(tree, fd, POLLIN, length > 0 && silent < until ? silent : until)) break;
    got = recv(fd, data + length, limit - length, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) break;
    length += (size_t)got;
  }
  put_bytes(out, data, length);
}

int probe_connect(struct tree *tree, const struct probe *probe, struct buffer *out, struct err *err) {
  struct sockaddr_storage address;
  socklen_t length;
  int64_t until = now_ms() + (probe->timeout_ms < CONNECT_MS_MAX ? probe->timeout_ms : CONNECT_MS_MAX);
  int failure = 0;
  socklen_t failure_size = sizeof failure;
  auto_close int fd = -1;
  if (probe->port == 0 || !parse_address(probe->host, probe->port, &address, &length)) {
    return err_fail(err, FAILURE_BAD_REQUEST, "connect", probe->host, "Not an IP address and a port.");
  }
  fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return err_system(err, errno, "socket", probe->host);
  if (connect(fd, (struct sockaddr *)&address, length) != 0) failure = errno;
  if (failure == EINPROGRESS) {
    if (!wait_ready(tree, fd, POLLOUT, until)) {
      failure = ETIMEDOUT;
    } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &failure_size) != 0) {
      failure = errno;
    }
  }
  put_u8(out, failure == 0);
  put_u32(out, (uint32_t)failure);
  if (failure == 0 && probe->limit > 0) {
    read_greeting(tree, fd, probe->limit, until, out);
  } else {
    put_bytes(out, (const uint8_t *)"", 0);
  }
  return 0;
}
