// The process that serves one tree: its requests in order, until the tree is closed or the router is gone.
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "fatal.h"
#include "jobs.h"
#include "own_mounts.h"
#include "running.h"
#include "tree.h"
#include "user_namespace.h"

// Locks that a batch left behind are given back when no part of it came for so long.
#define BATCH_PAUSE_MS 1000
// What a worker without a router gets to clean up.
#define FAREWELL_SECONDS 15

static void on_router_death(int signal) {
  (void)signal;
  // The end of the socket makes the worker clean up and go; if it is stuck, the alarm ends it.
  alarm(FAREWELL_SECONDS);
}

// 1. Nothing of the router's is left in this process: its descriptors, its streams, its signals.
static void settle(const struct worker_config *config, int *socket, int *blobs, int *user_namespace, int *own_mounts) {
  struct sigaction action = {.sa_handler = on_router_death};
  struct rlimit limit;
  sigset_t none;
  if (dup2(config->null_fd, STDIN_FILENO) < 0 || dup2(config->null_fd, STDOUT_FILENO) < 0)
    fatal("worker: dup2: %s", strerror(errno));
  *socket = fcntl(config->socket, F_DUPFD_CLOEXEC, 3);
  *blobs = config->blobs->fd < 0 ? -1 : fcntl(config->blobs->fd, F_DUPFD_CLOEXEC, 3);
  *user_namespace = config->user_namespace == 0 ? -1 : fcntl(config->user_namespace, F_DUPFD_CLOEXEC, 3);
  *own_mounts = config->own_mounts < 0 ? -1 : fcntl(config->own_mounts, F_DUPFD_CLOEXEC, 3);
  if (*socket < 0 || (*blobs < 0 && config->blobs->fd >= 0) || (*user_namespace < 0 && config->user_namespace != 0) ||
      (*own_mounts < 0 && config->own_mounts >= 0))
    fatal("worker: fcntl: %s", strerror(errno));
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != config->router) _exit(0);
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = config->file_limit;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static void close_between(int first, int last) {
  if (first > last || syscall(SYS_close_range, (unsigned)first, (unsigned)last, 0u) == 0) return;
  // Kernels before 5.9: the router keeps its descriptors low.
  for (int fd = first; fd <= last && fd < 65536; fd++) close(fd);
}

// All but these; what is below 3 is none.
static void close_others(const int *kept, size_t count) {
  int from = 3;
  for (;;) {
    int next = INT_MAX;
    for (size_t i = 0; i < count; i++) {
      if (kept[i] >= from && kept[i] < next) next = kept[i];
    }
    close_between(from, next == INT_MAX ? INT_MAX : next - 1);
    if (next == INT_MAX) return;
    from = next + 1;
  }
}

struct service {
  struct tree *tree;
  bool has_openat2;
  bool is_open;
  bool is_closing;
  int own_mounts;
  int user_namespace;  // to be entered for a tree; -1: none
  struct err open_err;  // why it is not open
};

// On the host itself a login stays who it is: its files and groups there are not those of a tree.
static int enter_user_namespace(struct service *service, const struct open_tree *request, struct err *err) {
  if (service->user_namespace < 0) return 0;
  int status = request->is_host_root && !request->is_as_root ? 0 : user_namespace_enter(service->user_namespace, err);
  close(service->user_namespace);
  service->user_namespace = -1;
  return status;
}

// 2. The tree is opened once. If it cannot be, every later request is told so.
static int open_request(struct service *service, uint32_t channel, struct cursor *cursor) {
  struct tree *tree = service->tree;
  struct err *err = &service->open_err;
  struct open_tree request;
  struct node_value node = {0};
  struct statfs file_system;
  struct buffer *out = &tree->port->out;
  size_t start;
  decode_open_tree(cursor, &request);
  if (cursor->is_broken) port_broken(tree->port, "an OPEN_TREE that cannot be decoded");
  if (request.has_own_mounts) own_mounts_enter(service->own_mounts);
  if (enter_user_namespace(service, &request, err) != 0 || tree_open(tree, &request, service->has_openat2, &node, err) != 0) {
    reply_error(tree->port, channel, err);
    return -1;
  }
  if (fstatfs(tree->root.fd, &file_system) != 0) {
    err_system(err, errno, "statfs", request.path);
    reply_error(tree->port, channel, err);
    return -1;
  }
  start = frame_begin(out, MESSAGE_OPENED, channel);
  put_str(out, tree->path);
  put_u64(out, node.stat.st_dev);
  put_u64(out, (uint64_t)file_system.f_type);
  put_u8(out, (file_system.f_flags & 1) != 0);
  frame_end(out, start);
  return 0;
}

static void learn_blob(struct tree *tree, struct cursor *cursor) {
  struct blob blob;
  const uint8_t *sha256 = get_raw(cursor, 32);
  blob.offset = get_u64(cursor);
  blob.size = get_u64(cursor);
  if (cursor->is_broken) fatal("worker: broken blob message");
  memcpy(blob.sha256, sha256, 32);
  blob_add(&tree->blobs, &blob);
}

static void serve(struct service *service, struct frame *frame) {
  struct tree *tree = service->tree;
  struct cursor cursor = {.at = frame->payload, .left = frame->length};
  beat_step(tree->beat);
  switch (frame->type) {
    case MESSAGE_OPEN_TREE:
      service->is_open = open_request(service, frame->channel, &cursor) == 0;
      break;
    case MESSAGE_CLOSE_TREE:
      tree_close(tree);
      reply_done(tree->port, frame->channel, 0);
      service->is_closing = true;
      break;
    case MESSAGE_OBSERVE:
    case MESSAGE_APPLY:
    case MESSAGE_EXEC:
      if (!service->is_open) {
        reply_error(tree->port, frame->channel, &service->open_err);
      } else if (frame->type == MESSAGE_OBSERVE) {
        observe_request(tree, frame->channel, &cursor);
      } else if (frame->type == MESSAGE_APPLY) {
        apply_request(tree, frame->channel, &cursor);
      } else {
        exec_request(tree, frame->channel, &cursor);
      }
      break;
    case INNER_BLOB:
      learn_blob(tree, &cursor);
      break;
    default:
      // INPUT, RESIZE, SIGNAL or CANCEL for what has ended meanwhile.
      break;
  }
}

// Waits for the next request. Meanwhile jobs go on, and locks are given back.
static void wait_for_request(struct tree *tree) {
  struct port *port = tree->port;
  struct pollfd poll_fd = {.fd = port->fd};
  int64_t end = running_now_ms() + BATCH_PAUSE_MS;
  port_flush(port);
  while (tree->jobs != NULL || tree->locks != NULL) {
    int64_t left = tree->locks == NULL ? RUNNING_FOR_EVER : end - running_now_ms();
    if (left <= 0) {
      unlock_all(tree);
      continue;
    }
    poll_fd.events = (short)(port_unsent(port) > 0 ? POLLIN | POLLOUT : POLLIN);
    jobs_poll(tree, &poll_fd, 1, left);
    port_send(port);
    if (poll_fd.revents & (POLLIN | POLLHUP | POLLERR)) break;
  }
  port_receive(port, true);
}

void worker_main(const struct worker_config *config) {
  struct port port;
  struct tree tree = {
      .port = &port, .beat = config->beat, .blobs = *config->blobs, .root = {.fd = -1, .proc_fd = -1}, .disk = -1};
  struct service service = {.tree = &tree, .has_openat2 = config->has_openat2, .own_mounts = -1};
  int socket;
  settle(config, &socket, &tree.blobs.fd, &service.user_namespace, &service.own_mounts);
  close_others((const int[]){socket, tree.blobs.fd, service.user_namespace, service.own_mounts}, 4);
  tree.host = tree.root;
  port_init(&port, socket, config->beat);
  while (!service.is_closing && !port.has_ended) {
    jobs_hear(&tree);
    struct frame *frame = port_take(&port);
    if (frame != NULL) {
      serve(&service, frame);
      free(frame);
      continue;
    }
    wait_for_request(&tree);
  }
  tree_close(&tree);
  port_flush(&port);
  blob_store_close(&tree.blobs);
  buffer_free(&port.in);
  buffer_free(&port.out);
  _exit(0);
}
