// What the router's files share: its state, and who does what with it.
#ifndef CRUN_ROUTER_STATE_H
#define CRUN_ROUTER_STATE_H

#include <signal.h>

#include "blob.h"
#include "buffer.h"
#include "link.h"
#include "upload.h"

#define READ_SIZE (1024u * 1024u)

struct router {
  int in;
  int out_fd;
  int epoll;
  int null_fd;
  int user_namespace;  // 0: none
  int own_mounts;  // made when it is first asked for; -1: none
  pid_t pid;
  bool has_openat2;
  bool is_ending;
  bool is_in_pollable;
  uint32_t deadline_s;  // 0: the workers' own
  uint64_t file_limit;
  int64_t farewell_end;
  struct buffer in_buffer;
  struct buffer scratch;  // what was just received from a worker
  struct buffer out;
  size_t out_sent;
  bool is_out_gone;
  bool waits_to_write;
  sigset_t calm;  // the signal mask outside of waits
  struct blob_store blobs;
  struct upload *uploads;
  struct link **links;
  size_t link_count;
  size_t link_capacity;
};

int64_t router_now_ms(void);

// router_links.c: workers made, told, heard, given up, forgotten.
struct link *find_link(const struct router *router, uint32_t tree);
struct link *add_link(struct router *router, uint32_t tree);
void forget_link(struct router *router, struct link *link);
int start_worker(struct router *router, struct link *link, struct err *err);
void send_link(struct router *router, struct link *link);
// Puts a frame into the link's queue; a worker whose queue overflows is given up.
void forward(struct router *router, struct link *link, const uint8_t *frame, size_t length);
void take_replies(struct router *router, struct link *link);
void check_beats(struct router *router);
void reply_failure(struct router *router, uint32_t channel, const struct err *err);

// router_intake.c: the controller's frames.
// Reads what is there and handles each whole frame. False at the end of input.
bool take_input(struct router *router);

#endif
