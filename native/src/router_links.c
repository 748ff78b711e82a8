// The router's workers: made, told, heard, given up, forgotten.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec.h"
#include "fatal.h"
#include "port.h"
#include "router_state.h"
#include "worker.h"

// Requests that a worker has not answered: beyond, it is given up.
#define REQUESTS_MAX (64u * 1024u * 1024u)

void reply_failure(struct router *router, uint32_t channel, const struct err *err) {
  size_t start = frame_begin(&router->out, MESSAGE_ERROR, channel);
  put_failure(&router->out, err);
  frame_end(&router->out, start);
}

// 1. Made, told, forgotten.
struct link *find_link(const struct router *router, uint32_t tree) {
  for (size_t i = 0; i < router->link_count; i++) {
    // A closed tree's worker may not be quite gone: its number is free all the same.
    if (router->links[i]->tree == tree && !router->links[i]->is_closed) return router->links[i];
  }
  return NULL;
}

struct link *add_link(struct router *router, uint32_t tree) {
  struct link *link = allocate(1, sizeof *link);
  if (router->link_count == router->link_capacity) {
    router->link_capacity = router->link_capacity == 0 ? 64 : router->link_capacity * 2;
    router->links = realloc(router->links, router->link_capacity * sizeof *router->links);
    if (router->links == NULL) fatal("no memory");
  }
  link->tree = tree;
  link->fd = -1;
  link->last_change_ms = router_now_ms();
  router->links[router->link_count++] = link;
  return link;
}

// Said before the descriptor is closed: a worker that was just forked may still hold a copy, and the kernel would go on
// telling of it.
static void unwatch_link(const struct router *router, struct link *link) {
  if (link->fd >= 0) epoll_ctl(router->epoll, EPOLL_CTL_DEL, link->fd, NULL);
}

void forget_link(struct router *router, struct link *link) {
  unwatch_link(router, link);
  for (size_t i = 0; i < router->link_count; i++) {
    if (router->links[i] == link) router->links[i] = router->links[--router->link_count];
  }
  link_free(link);
}

int start_worker(struct router *router, struct link *link, struct err *err) {
  int sockets[2];
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
  struct worker_config config = {.null_fd = router->null_fd,
                                 .user_namespace = router->user_namespace,
                                 .own_mounts = router->own_mounts,
                                 .router = router->pid,
                                 .blobs = &router->blobs,
                                 .has_openat2 = router->has_openat2,
                                 .file_limit = router->file_limit};
  void *shared = mmap(NULL, sizeof *link->beat, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return err_system(err, errno, "mmap", "");
  link->beat = shared;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) != 0)
    return err_system(err, errno, "socketpair", "");
  config.socket = sockets[1];
  config.beat = link->beat;
  link->pid = fork();
  if (link->pid == 0) worker_main(&config);
  close(sockets[1]);
  link->fd = sockets[0];
  if (link->pid < 0) return err_system(err, errno, "fork", "");
  return epoll_ctl(router->epoll, EPOLL_CTL_ADD, link->fd, &event) == 0 ? 0 : err_system(err, errno, "epoll_ctl", "");
}

// The worker is gone, or is sent away: whatever was asked of it has failed.
static void end_link(struct router *router, struct link *link, const struct err *why) {
  if (link->fd < 0) return;
  unwatch_link(router, link);
  close(link->fd);
  link->fd = -1;
  link->gone = *why;
  for (size_t i = 0; i < link->request_count; i++) reply_failure(router, link->requests[i].channel, why);
  link->request_count = link->request_bytes = 0;
  buffer_free(&link->in);
  buffer_free(&link->out);
  link->out_sent = 0;
}

static void give_up(struct router *router, struct link *link, enum failure_code code, const char *message) {
  struct err err;
  kill(link->pid, SIGKILL);
  err_fail(&err, code, "worker", "", "%s", message);
  end_link(router, link, &err);
}

void send_link(struct router *router, struct link *link) {
  bool waits;
  if (link->fd < 0) return;
  if (link_send(link) != 0) {
    give_up(router, link, FAILURE_SYSTEM, "What was asked of the process that serves this tree could not be sent to it.");
    return;
  }
  waits = link_unsent(link) > 0;
  if (waits != link->waits_to_write) {
    struct epoll_event event = {.events = EPOLLIN | (waits ? (uint32_t)EPOLLOUT : 0), .data.ptr = link};
    if (epoll_ctl(router->epoll, EPOLL_CTL_MOD, link->fd, &event) != 0) fatal("epoll_ctl: %s", strerror(errno));
    link->waits_to_write = waits;
  }
}

void forward(struct router *router, struct link *link, const uint8_t *frame, size_t length) {
  link_put_frame(link, frame, length);
  if (link_unsent(link) + link->request_bytes > REQUESTS_MAX) {
    give_up(router, link, FAILURE_DEADLINE, "More requests waited for this tree than the helper can hold.");
  }
}

// 2. From the workers: whole frames only.
static void pass_frame(struct router *router, struct link *link, const uint8_t *frame, size_t length) {
  uint8_t type = frame[4];
  uint32_t channel = read_u32(frame + 5);
  if (type == INNER_BROKEN) fatal("%.*s", (int)(length - 9 > 200 ? 200 : length - 9), (const char *)frame + 9);
  put_raw(&router->out, frame, length);
  if (ends_request(type, frame + 9, length - 9) && link_end_request(link, channel) == MESSAGE_CLOSE_TREE)
    link->is_closed = true;
}

static size_t pass_frames(struct router *router, struct link *link, const uint8_t *data, size_t length) {
  size_t at = 0;
  while (length - at >= 4) {
    uint32_t size = read_u32(data + at);
    if (size < FRAME_MIN || size > FRAME_MAX) fatal("a worker's frame of %u bytes", size);
    if (size > length - at - 4) break;
    pass_frame(router, link, data + at, size + 4);
    at += size + 4;
  }
  return at;
}

// Whole frames go on from where they were received; the beginning of one waits in the link until the rest has come.
static void pass_received(struct router *router, struct link *link, size_t length) {
  size_t passed;
  if (link->in.length > 0) {
    put_raw(&link->in, router->scratch.data, length);
    buffer_drop_front(&link->in, pass_frames(router, link, link->in.data, link->in.length));
    if (link->in.length == 0) buffer_free(&link->in);
    return;
  }
  passed = pass_frames(router, link, router->scratch.data, length);
  put_raw(&link->in, router->scratch.data + passed, length - passed);
}

void take_replies(struct router *router, struct link *link) {
  ssize_t got = recv(link->fd, buffer_reserve(&router->scratch, READ_SIZE / 4), READ_SIZE / 4, MSG_DONTWAIT);
  struct err err;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0) {
    pass_received(router, link, (size_t)got);
    return;
  }
  err_fail(&err, FAILURE_SYSTEM, "worker", "", "The process that served this tree has ended before its time.");
  end_link(router, link, &err);
  if (link->is_closed || router->is_ending) forget_link(router, link);
}

// 3. A worker that stays in one system call for too long (a hostile FUSE server) is given up.
void check_beats(struct router *router) {
  int64_t now = router_now_ms();
  for (size_t i = 0; i < router->link_count; i++) {
    struct link *link = router->links[i];
    uint32_t ticks, deadline, state;
    if (link->fd < 0) continue;
    ticks = atomic_load_explicit(&link->beat->ticks, memory_order_relaxed);
    deadline = atomic_load_explicit(&link->beat->deadline, memory_order_relaxed);
    if (deadline == 0) deadline = BEAT_DEADLINE;
    if (router->deadline_s != 0) deadline = router->deadline_s;
    state = atomic_load_explicit(&link->beat->state, memory_order_relaxed);
    if (ticks != link->last_ticks || link->request_count == 0 || state == BEAT_WAITS) {
      link->last_ticks = ticks;
      link->last_change_ms = now;
    } else if (now - link->last_change_ms > (int64_t)deadline * 1000) {
      give_up(router, link, FAILURE_DEADLINE,
              "The work on this tree was stuck in one system call for longer than the deadline, and was given up.");
    }
  }
}
