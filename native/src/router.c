// The main process: takes requests from the controller to the workers, one a tree, and their replies back. It does no work on files itself,
// so that nothing a tree does can hold it up.
#include "router.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "codec.h"
#include "fatal.h"
#include "greeting.h"
#include "link.h"
#include "place.h"
#include "port.h"
#include "upload.h"
#include "worker.h"

#define READ_SIZE (1024u * 1024u)
#define EVENTS 128
// Replies that the controller has not taken: beyond, workers wait.
#define UNSENT_MAX (4u * 1024u * 1024u)
// Requests that a worker has not answered: beyond, it is given up.
#define REQUESTS_MAX (64u * 1024u * 1024u)
#define CHECK_MS 1000
#define FAREWELL_MS 15000

struct router {
  int in;
  int out_fd;
  int epoll;
  int null_fd;
  pid_t pid;
  bool has_openat2;
  bool is_ending;
  bool is_in_pollable;
  uint32_t deadline_s; // 0: the workers' own
  uint64_t file_limit;
  int64_t farewell_end;
  struct buffer in_buffer;
  struct buffer scratch; // what was just received from a worker
  struct buffer out;
  size_t out_sent;
  bool is_out_gone;
  bool waits_to_write;
  sigset_t calm; // the signal mask outside of waits
  struct blob_store blobs;
  struct upload *uploads;
  struct link **links;
  size_t link_count;
  size_t link_capacity;
};

// Signal state: a signal asks for the end.
static volatile sig_atomic_t is_end_asked;

static void on_end(int signal) {
  (void)signal;
  is_end_asked = 1;
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// 1. Output: all replies of a round in one write.
static size_t unsent(const struct router *router) {
  return router->out.length - router->out_sent;
}

static void write_out(struct router *router) {
  while (unsent(router) > 0 && !router->is_out_gone) {
    ssize_t written = write(router->out_fd, router->out.data + router->out_sent, unsent(router));
    if (written >= 0) {
      router->out_sent += (size_t)written;
    } else if (errno == EAGAIN) {
      buffer_drop_sent(&router->out, &router->out_sent);
      return;
    } else if (errno != EINTR) {
      router->is_out_gone = true;
      is_end_asked = 1;
    }
  }
  router->out.length = router->out_sent = 0;
}

static void send_out(struct router *router) {
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = router};
  bool waits;
  write_out(router);
  waits = unsent(router) > 0;
  if (waits == router->waits_to_write) return;
  if (epoll_ctl(router->epoll, waits ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, router->out_fd, &event) == 0) router->waits_to_write = waits;
}

static void reply_failure(struct router *router, uint32_t channel, const struct err *err) {
  size_t start = frame_begin(&router->out, MESSAGE_ERROR, channel);
  put_failure(&router->out, err);
  frame_end(&router->out, start);
}

// 2. Workers: made, told, forgotten.
static struct link *find_link(const struct router *router, uint32_t tree) {
  for (size_t i = 0; i < router->link_count; i++) {
    // A closed tree's worker may not be quite gone: its number is free all the same.
    if (router->links[i]->tree == tree && !router->links[i]->is_closed) return router->links[i];
  }
  return NULL;
}

static struct link *add_link(struct router *router, uint32_t tree) {
  struct link *link = allocate(1, sizeof *link);
  if (router->link_count == router->link_capacity) {
    router->link_capacity = router->link_capacity == 0 ? 64 : router->link_capacity * 2;
    router->links = realloc(router->links, router->link_capacity * sizeof *router->links);
    if (router->links == NULL) fatal("no memory");
  }
  link->tree = tree;
  link->fd = -1;
  link->last_change_ms = now_ms();
  router->links[router->link_count++] = link;
  return link;
}

// Said before the descriptor is closed: a worker that was just forked may still hold a copy, and the kernel would go on telling of it.
static void unwatch_link(const struct router *router, struct link *link) {
  if (link->fd >= 0) epoll_ctl(router->epoll, EPOLL_CTL_DEL, link->fd, NULL);
}

static void forget_link(struct router *router, struct link *link) {
  unwatch_link(router, link);
  for (size_t i = 0; i < router->link_count; i++) {
    if (router->links[i] == link) router->links[i] = router->links[--router->link_count];
  }
  link_free(link);
}

static int start_worker(struct router *router, struct link *link, struct err *err) {
  int sockets[2];
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
  struct worker_config config = {.null_fd = router->null_fd,
                                 .router = router->pid,
                                 .blobs = &router->blobs,
                                 .has_openat2 = router->has_openat2,
                                 .file_limit = router->file_limit};
  void *shared = mmap(NULL, sizeof *link->beat, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return err_system(err, errno, "mmap", "");
  link->beat = shared;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) != 0) return err_system(err, errno, "socketpair", "");
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

static void send_link(struct router *router, struct link *link) {
  bool waits;
  if (link->fd < 0) return;
  link_send(link);
  waits = link_unsent(link) > 0;
  if (waits != link->waits_to_write) {
    struct epoll_event event = {.events = EPOLLIN | (waits ? (uint32_t)EPOLLOUT : 0), .data.ptr = link};
    if (epoll_ctl(router->epoll, EPOLL_CTL_MOD, link->fd, &event) != 0) fatal("epoll_ctl: %s", strerror(errno));
    link->waits_to_write = waits;
  }
}

static void forward(struct router *router, struct link *link, const uint8_t *frame, size_t length) {
  link_put_frame(link, frame, length);
  if (link_unsent(link) + link->request_bytes > REQUESTS_MAX) {
    give_up(router, link, FAILURE_DEADLINE, "More requests waited for this tree than the helper can hold.");
  }
}

// 3. From the controller.
static void open_tree(struct router *router, uint32_t tree, uint32_t channel, const uint8_t *frame, size_t length) {
  struct link *link = find_link(router, tree);
  struct err err;
  if (link != NULL) {
    err_fail(&err, FAILURE_BAD_REQUEST, "open tree", "", "There is an open tree of this number already.");
    reply_failure(router, channel, &err);
    return;
  }
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

static void take_input(struct router *router) {
  struct buffer *in = &router->in_buffer;
  ssize_t got = read(router->in, buffer_reserve(in, READ_SIZE), READ_SIZE);
  size_t at = 0;
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) {
    is_end_asked = 1;
    return;
  }
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
}

// 4. From the workers: whole frames only.
static void pass_frame(struct router *router, struct link *link, const uint8_t *frame, size_t length) {
  uint8_t type = frame[4];
  uint32_t channel = read_u32(frame + 5);
  if (type == INNER_BROKEN) fatal("%.*s", (int)(length - 9 > 200 ? 200 : length - 9), (const char *)frame + 9);
  put_raw(&router->out, frame, length);
  if (ends_request(type, frame + 9, length - 9) && link_end_request(link, channel) == MESSAGE_CLOSE_TREE) link->is_closed = true;
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

static void take_replies(struct router *router, struct link *link) {
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

// 5. A worker that stays in one system call for too long (a hostile FUSE server) is given up.
static void check_beats(struct router *router) {
  int64_t now = now_ms();
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
      give_up(router, link, FAILURE_DEADLINE, "The work on this tree was stuck in one system call for longer than the deadline, and was given up.");
    }
  }
}

// 6. The end: workers clean up on their own once their line is shut; who does not is killed.
static void begin_end(struct router *router) {
  router->is_ending = true;
  router->farewell_end = now_ms() + FAREWELL_MS;
  if (router->is_in_pollable) epoll_ctl(router->epoll, EPOLL_CTL_DEL, router->in, NULL);
  for (size_t i = 0; i < router->link_count;) {
    struct link *link = router->links[i];
    if (link->fd >= 0) {
      shutdown(link->fd, SHUT_WR);
      i++;
    } else {
      forget_link(router, link);
    }
  }
}

static void end_all(struct router *router) {
  while (router->link_count > 0) {
    struct link *link = router->links[router->link_count - 1];
    if (link->fd >= 0) kill(link->pid, SIGKILL);
    forget_link(router, link);
  }
}

// 7. The loop.
static bool has_requests(const struct router *router) {
  for (size_t i = 0; i < router->link_count; i++) {
    if (router->links[i]->request_count > 0) return true;
  }
  return false;
}

// The controller is slow: nothing is read from workers until it has taken what is there. Its own words are heard meanwhile.
static void wait_for_controller(struct router *router) {
  struct pollfd fds[2] = {{.fd = router->out_fd, .events = POLLOUT}, {.fd = router->is_ending ? -1 : router->in, .events = POLLIN}};
  struct timespec timeout = {.tv_sec = CHECK_MS / 1000};
  if (ppoll(fds, 2, &timeout, &router->calm) <= 0) return;
  if (fds[1].revents) take_input(router);
}

static void wait_for_events(struct router *router) {
  struct epoll_event events[EVENTS];
  // A plain file as input has no events.
  int timeout = !router->is_in_pollable && !router->is_ending ? 0 : has_requests(router) || router->is_ending ? CHECK_MS : -1;
  int count;
  count = epoll_pwait(router->epoll, events, EVENTS, timeout, &router->calm);
  for (int i = 0; i < count; i++) {
    struct link *link = events[i].data.ptr;
    if (events[i].data.ptr == router) continue;
    if (link == NULL) {
      take_input(router);
      // What was closed or given up meanwhile must not be looked at again in this round.
      return;
    }
    if (events[i].events & EPOLLOUT) send_link(router, link);
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) take_replies(router, link);
  }
  if (!router->is_in_pollable && !router->is_ending) take_input(router);
}

static void serve(struct router *router) {
  while (!router->is_ending || router->link_count > 0) {
    if (is_end_asked && !router->is_ending) {
      begin_end(router);
      continue;
    }
    if (router->is_ending && now_ms() > router->farewell_end) break;
    if (unsent(router) > UNSENT_MAX && !router->is_out_gone) {
      wait_for_controller(router);
    } else {
      wait_for_events(router);
    }
    if (has_requests(router)) check_beats(router);
    send_out(router);
  }
  end_all(router);
}

// Signals come through while the router waits, and only then: none is lost between a look and a wait.
static void catch_signals(struct router *router) {
  sigset_t ends;
  struct sigaction end = {.sa_handler = on_end}, ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGTERM, &end, NULL);
  sigaction(SIGINT, &end, NULL);
  sigaction(SIGHUP, &end, NULL);
  sigaction(SIGPIPE, &ignore, NULL);
  // Workers leave no zombies.
  sigaction(SIGCHLD, &ignore, NULL);
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGHUP);
  sigprocmask(SIG_BLOCK, &ends, &router->calm);
  sigdelset(&router->calm, SIGTERM);
  sigdelset(&router->calm, SIGINT);
  sigdelset(&router->calm, SIGHUP);
}

static void raise_file_limit(struct router *router) {
  struct rlimit limit;
  router->file_limit = 1024;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  router->file_limit = limit.rlim_cur;
  if (limit.rlim_cur < 65536) limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int router_run(int in, int out) {
  struct router router = {.in = in, .out_fd = out, .pid = getpid(), .blobs = BLOB_STORE_EMPTY};
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  const char *deadline = getenv("CRUN_HELPER_DEADLINE_S");
  int out_flags = fcntl(out, F_GETFL);
  struct err err;
  router.epoll = epoll_create1(EPOLL_CLOEXEC);
  router.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (router.epoll < 0 || router.null_fd < 0) fatal("cannot start: %s", strerror(errno));
  if (blob_store_open(&router.blobs, &err) != 0) fatal("cannot start: %s: %s", err.step, strerror(err.errno_));
  router.deadline_s = deadline == NULL ? 0 : (uint32_t)strtoul(deadline, NULL, 10);
  router.has_openat2 = openat2_works();
  raise_file_limit(&router);
  catch_signals(&router);
  if (out_flags >= 0) fcntl(out, F_SETFL, out_flags | O_NONBLOCK);
  router.is_in_pollable = epoll_ctl(router.epoll, EPOLL_CTL_ADD, in, &event) == 0;
  put_greeting(&router.out, router.has_openat2);
  send_out(&router);
  serve(&router);
  if (out_flags >= 0) fcntl(out, F_SETFL, out_flags);
  if (!router.is_out_gone) send_out(&router);
  uploads_free(&router.uploads);
  blob_store_close(&router.blobs);
  buffer_free(&router.in_buffer);
  buffer_free(&router.scratch);
  buffer_free(&router.out);
  free(router.links);
  close(router.epoll);
  close(router.null_fd);
  return 0;
}
