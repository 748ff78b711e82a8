// The main process: takes requests from the controller to the workers, one a tree, and their replies back. It does no
// work on files itself, so that nothing a tree does can hold it up.
#include "router.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fatal.h"
#include "greeting.h"
#include "place.h"
#include "router_state.h"

#define EVENTS 128
// Replies that the controller has not taken: beyond, workers wait.
#define UNSENT_MAX (4u * 1024u * 1024u)
#define CHECK_MS 1000
#define FAREWELL_MS 15000

// Signal state: a signal asks for the end.
static volatile sig_atomic_t is_end_asked;

static void on_end(int signal) {
  (void)signal;
  is_end_asked = 1;
}

int64_t router_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// 1. Output: all replies of a round in one write.
static size_t router_unsent(const struct router *router) {
  return router->out.length - router->out_sent;
}

static void write_out(struct router *router) {
  while (router_unsent(router) > 0 && !router->is_out_gone) {
    ssize_t written = write(router->out_fd, router->out.data + router->out_sent, router_unsent(router));
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
  waits = router_unsent(router) > 0;
  if (waits == router->waits_to_write) return;
  if (epoll_ctl(router->epoll, waits ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, router->out_fd, &event) == 0)
    router->waits_to_write = waits;
}

// 2. The end: workers clean up on their own once their line is shut; who does not is killed.
static void begin_end(struct router *router) {
  router->is_ending = true;
  router->farewell_end = router_now_ms() + FAREWELL_MS;
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

// 3. The loop.
static bool has_requests(const struct router *router) {
  for (size_t i = 0; i < router->link_count; i++) {
    if (router->links[i]->request_count > 0) return true;
  }
  return false;
}

// The controller is slow: nothing is read from workers until it has taken what is there. Its own words are heard
// meanwhile.
static void wait_for_controller(struct router *router) {
  struct pollfd fds[2] = {{.fd = router->out_fd, .events = POLLOUT},
                          {.fd = router->is_ending ? -1 : router->in, .events = POLLIN}};
  struct timespec timeout = {.tv_sec = CHECK_MS / 1000};
  if (ppoll(fds, 2, &timeout, &router->calm) <= 0) return;
  if (fds[1].revents && !take_input(router)) is_end_asked = 1;
}

static void wait_for_events(struct router *router) {
  struct epoll_event events[EVENTS];
  // A plain file as input has no events.
  int timeout = !router->is_in_pollable && !router->is_ending ? 0
                : has_requests(router) || router->is_ending   ? CHECK_MS
                                                              : -1;
  int count;
  count = epoll_pwait(router->epoll, events, EVENTS, timeout, &router->calm);
  if (count < 0 && errno != EINTR) fatal("epoll_pwait: %s", strerror(errno));
  for (int i = 0; i < count; i++) {
    struct link *link = events[i].data.ptr;
    if (events[i].data.ptr == router) continue;
    if (link == NULL) {
      if (!take_input(router)) is_end_asked = 1;
      // What was closed or given up meanwhile must not be looked at again in this round.
      return;
    }
    if (events[i].events & EPOLLOUT) send_link(router, link);
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) take_replies(router, link);
  }
  if (!router->is_in_pollable && !router->is_ending && !take_input(router)) is_end_asked = 1;
}

static void serve(struct router *router) {
  while (!router->is_ending || router->link_count > 0) {
    if (is_end_asked && !router->is_ending) {
      begin_end(router);
      continue;
    }
    if (router->is_ending && router_now_ms() > router->farewell_end) break;
    if (router_unsent(router) > UNSENT_MAX && !router->is_out_gone) {
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

int router_run(int in, int out, const struct privilege *privilege) {
  struct router router = {.in = in,
                          .out_fd = out,
                          .user_namespace = privilege->user_namespace,
                          .own_mounts = -1,
                          .pid = getpid(),
                          .blobs = BLOB_STORE_EMPTY};
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
  // Of a plain file. With another error a wait for the controller's words would hold up all that the workers say.
  if (!router.is_in_pollable && errno != EPERM) fatal("cannot start: epoll_ctl: %s", strerror(errno));
  put_greeting(&router.out, router.has_openat2, privilege);
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
