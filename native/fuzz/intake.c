// Fuzzes what the router reads: frames of the controller, cut anywhere, and the replies of workers, which here are this
// program. What the router hands on goes through a worker's port and decoders.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fatal.h"
#include "fuzz.h"
#include "router_state.h"
#include "worker.h"

#define WORKERS_MAX 16
#define STEPS_MAX 64

// Nothing is forked, killed or ended, and the time is what an input makes it.
static jmp_buf ended;
static int64_t now_ms;
static struct {
  int fd;  // the worker's end
  pid_t pid;
  struct port port;
} workers[WORKERS_MAX];
static size_t worker_count;
static int last_socket = -1;
// Here, since fatal leaves whoever fills it.
static struct buffer spoken;
static bool is_hearing;

_Noreturn void __wrap_fatal(const char *format, ...);
void __wrap_fatal(const char *format, ...) {
  MUST(!is_hearing, "the router hands on what a worker cannot take in: %s", format);
  longjmp(ended, 1);
}

int64_t __wrap_router_now_ms(void);
int64_t __wrap_router_now_ms(void) {
  return now_ms;
}

int __real_socketpair(int domain, int type, int protocol, int sockets[2]);
int __wrap_socketpair(int domain, int type, int protocol, int sockets[2]);
int __wrap_socketpair(int domain, int type, int protocol, int sockets[2]) {
  int result = __real_socketpair(domain, type, protocol, sockets);
  if (result == 0) last_socket = fcntl(sockets[1], F_DUPFD_CLOEXEC, 3);
  return result;
}

pid_t __wrap_fork(void);
pid_t __wrap_fork(void) {
  static struct beat beat;
  if (worker_count == WORKERS_MAX) {
    close(last_socket);
    errno = EAGAIN;
    return -1;
  }
  workers[worker_count].fd = last_socket;
  workers[worker_count].pid = (pid_t)(1000000 + worker_count);
  port_init(&workers[worker_count].port, last_socket, &beat);
  return workers[worker_count++].pid;
}

int __wrap_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number) {
  MUST(pid >= 1000000 && number == SIGKILL, "signal %d for process %d", number, (int)pid);
  return 0;
}

// What a worker is told: whole frames, that its decoders take or refuse.
static void hear(size_t number) {
  struct port *port = &workers[number].port;
  if (workers[number].fd < 0) return;
  is_hearing = true;
  port_receive(port, false);
  is_hearing = false;
  for (struct frame *frame = port_take(port); frame != NULL; frame = port_take(port)) {
    struct cursor cursor = {.at = frame->payload, .left = frame->length};
    struct open_tree open_tree = {0};
    struct observe observe = {0};
    struct apply apply = {0};
    struct exec_spec exec = {0};
    uint32_t tree;
    MUST(!is_request(frame->type) || frame->length >= 4, "a request without a tree");
    if (frame->type == MESSAGE_OPEN_TREE) decode_open_tree(&cursor, &open_tree);
    if (frame->type == MESSAGE_OBSERVE) decode_observe(&cursor, &observe);
    if (frame->type == MESSAGE_APPLY) decode_apply(&cursor, &apply);
    if (frame->type == MESSAGE_EXEC) decode_exec(&cursor, &tree, &exec);
    observe_clear(&observe);
    apply_clear(&apply);
    exec_clear(&exec);
    free(frame);
  }
}

static void leave(size_t number) {
  if (workers[number].fd < 0) return;
  for (struct frame *frame = port_take(&workers[number].port); frame != NULL; frame = port_take(&workers[number].port))
    free(frame);
  buffer_free(&workers[number].port.in);
  close(workers[number].fd);
  workers[number].fd = -1;
}

static struct link *link_of(struct router *router, size_t number) {
  for (size_t i = 0; i < router->link_count; i++) {
    if (router->links[i]->pid == workers[number].pid) return router->links[i];
  }
  return NULL;
}

// A worker speaks; a fault of its own is fatal to the helper. The router hears it, or its end.
static void speak(struct router *router, size_t number, const struct bytes *data) {
  struct link *link = link_of(router, number);
  if (workers[number].fd >= 0 && data->length > 0 &&
      send(workers[number].fd, data->data, data->length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    return;
  if (link == NULL || link->fd < 0) return;
  take_replies(router, link);
  // It may have been forgotten.
  link = link_of(router, number);
  MUST(link == NULL || link->fd >= 0 || link->request_count == 0, "requests wait for a worker that is gone");
}

static void put_reply(struct buffer *out, struct feed *feed) {
  static const uint8_t types[] = {MESSAGE_OPENED, MESSAGE_OBSERVED, MESSAGE_APPLIED, MESSAGE_DONE, MESSAGE_ERROR,
                                  MESSAGE_EXITED, MESSAGE_CONTENT,  0x7e,            0};
  size_t start = frame_begin(out, (enum message_type)types[feed_below(feed, sizeof types)], feed_below(feed, 8));
  struct bytes rest = feed_bytes(feed, feed_below(feed, 16));
  put_raw(out, rest.data, rest.length);
  frame_end(out, start);
}

// A frame of the controller's that the router takes, unless its payload is none.
static void put_request(struct buffer *out, struct feed *feed) {
  static const uint8_t types[] = {MESSAGE_OPEN_TREE, MESSAGE_CLOSE_TREE, MESSAGE_OBSERVE, MESSAGE_APPLY,
                                  MESSAGE_EXEC,      MESSAGE_INPUT,      MESSAGE_RESIZE,  MESSAGE_SIGNAL,
                                  MESSAGE_BLOB,      MESSAGE_CANCEL,     0x0b,            MESSAGE_DONE};
  uint8_t type = types[feed_below(feed, sizeof types)], channel = feed_below(feed, 8);
  size_t start = frame_begin(out, (enum message_type)type, channel);
  put_u32(out, feed_below(feed, 4));
  struct bytes rest = feed_bytes(feed, feed_u8(feed));
  put_raw(out, rest.data, rest.length);
  frame_end(out, start);
}

static void tell(struct router *router, int in, const struct bytes *data) {
  if (data->length == 0 || write(in, data->data, data->length) != (ssize_t)data->length) return;
  MUST(take_input(router), "the input has not ended");
  // A whole frame, and what one read brings.
  MUST(router->in_buffer.length <= 4 + FRAME_MAX + READ_SIZE, "%zu bytes are kept", router->in_buffer.length);
  for (size_t i = 0; i < worker_count; i++) hear(i);
}

static void step(struct router *router, int in, struct feed *feed) {
  struct bytes data;
  uint8_t choice = feed_u8(feed);
  size_t number = worker_count == 0 ? 0 : (choice >> 4) % worker_count;
  spoken.length = 0;
  switch (choice % 8) {
    case 0:
      data = feed_bytes(feed, feed_u8(feed));
      break;
    case 1:
    case 2:
      put_request(&spoken, feed);
      data = (struct bytes){spoken.data, spoken.length};
      break;
    case 3:
      data = feed_bytes(feed, feed_u16(feed));
      break;
    case 4:
    case 5:
      if (choice % 8 == 4) data = feed_bytes(feed, feed_u8(feed) % 64u);
      else put_reply(&spoken, feed), data = (struct bytes){spoken.data, spoken.length};
      if (worker_count > 0) speak(router, number, &data);
      return;
    case 6:
      if (worker_count > 0) leave(number), speak(router, number, &(struct bytes){0});
      return;
    default:
      now_ms += 1000 * feed_u8(feed);
      check_beats(router);
      return;
  }
  tell(router, in, &data);
}

// What the controller gets: whole frames, and no more final answers on a channel than it has asked.
static void check_replies(const struct router *router) {
  for (size_t at = 0; at < router->out.length;) {
    MUST(router->out.length - at >= 9, "a cut frame");
    uint32_t length = read_u32(router->out.data + at);
    MUST(length >= FRAME_MIN && length <= FRAME_MAX && length <= router->out.length - at - 4, "a frame of %u", length);
    at += 4 + length;
  }
}

static void forget_all(struct router *router) {
  while (router->link_count > 0) forget_link(router, router->links[router->link_count - 1]);
  for (size_t i = 0; i < worker_count; i++) leave(i);
  worker_count = 0;
  uploads_free(&router->uploads);
  blob_store_close(&router->blobs);
  buffer_free(&router->in_buffer);
  buffer_free(&router->scratch);
  buffer_free(&spoken);
  buffer_free(&router->out);
  free(router->links);
  router->links = NULL;
  close(router->epoll);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // What is changed after setjmp must not live in registers.
  static struct router router;
  static struct feed feed;
  static int pipes[2];
  feed = (struct feed){data, size};
  now_ms = 0;
  MUST(pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0, "pipe2");
  // Its mounts are made already, as far as it knows.
  router = (struct router){.in = pipes[0], .epoll = epoll_create1(EPOLL_CLOEXEC), .blobs = BLOB_STORE_EMPTY};
  router.blobs.fd = memfd_create("fuzz-blobs", MFD_CLOEXEC);
  if (setjmp(ended) == 0) {
    for (unsigned steps = 0; steps < STEPS_MAX && feed.left > 0; steps++) step(&router, pipes[1], &feed);
    check_replies(&router);
  }
  forget_all(&router);
  close(pipes[0]);
  close(pipes[1]);
  return 0;
}
