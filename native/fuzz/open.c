// Opens the scratch tree in this process, and reads what it answers.
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

// What the port has sent. Nobody reads its socket: it would fill up, and the port wait for ever.
static struct buffer sent;
static unsigned open_before;

ssize_t __wrap_send(int fd, const void *data, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t length, int flags) {
  (void)fd;
  (void)flags;
  put_raw(&sent, data, length);
  return (ssize_t)length;
}

// What ends the helper where a request cannot be decoded: these were encoded by the twin.
_Noreturn void __wrap_port_broken(struct port *port, const char *what);
void __wrap_port_broken(struct port *port, const char *what) {
  (void)port;
  fuzz_finding(__FILE__, __LINE__, "%s", what);
}

// How many are open: a leak may have any number.
static unsigned count_open(void) {
  unsigned count = 0;
  for (int fd = 0; fd < 256; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

void open_fixture(struct open_fixture *fixture, bool has_openat2) {
  struct open_tree request = {.tree = 1, .path = SCRATCH "/tree", .entry = ENTRY_CHROOT};
  struct node_value node;
  struct err err;
  int sockets[2];
  open_before = count_open();
  sent.length = 0;
  *fixture = (struct open_fixture){
      .tree = {.root = {.fd = -1, .proc_fd = -1}, .host = {.fd = -1, .proc_fd = -1}, .blobs = {.fd = -1}, .disk = -1}};
  MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) == 0, "socketpair");
  fixture->other = sockets[1];
  port_init(&fixture->port, sockets[0], &fixture->beat);
  fixture->tree.port = &fixture->port;
  fixture->tree.beat = &fixture->beat;
  MUST(tree_open(&fixture->tree, &request, has_openat2, &node, &err) == 0, "open: %s %s", err.step, err.message);
  // What a request calls the host is another directory: nothing of the real one is at stake.
  root_close(&fixture->tree.host);
  MUST(root_open(&fixture->tree.host, SCRATCH "/host", has_openat2, &err) == 0, "open: %s %s", err.step, err.message);
}

void close_fixture(struct open_fixture *fixture) {
  tree_close(&fixture->tree);
  blob_store_close(&fixture->tree.blobs);
  buffer_free(&fixture->port.in);
  buffer_free(&fixture->port.out);
  close(fixture->port.fd);
  close(fixture->other);
  unsigned now = count_open();
  MUST(now == open_before, "%u descriptors are open, %u were before", now, open_before);
}

struct reading {
  uint64_t pieces;  // bytes of CONTENT that came for the item at hand
  uint32_t next;    // index of the next item
  bool is_done;
};

// An Item or Outcome's beginning; what follows has its own decoder on the other side.
static void read_item(struct reading *reading, uint8_t status, struct cursor *cursor) {
  MUST(status <= 2, "status %u", status);
  if (status != 2) return;
  uint64_t length = get_u64(cursor);
  MUST(length == reading->pieces, "%llu bytes were announced, and %llu came", (unsigned long long)length,
       (unsigned long long)reading->pieces);
}

static void read_frame(struct reading *reading, uint8_t type, struct cursor *cursor) {
  MUST(!reading->is_done, "a reply 0x%02x after the last", type);
  if (type == MESSAGE_CONTENT) {
    uint32_t index = get_u32(cursor);
    struct bytes data = get_bytes(cursor);
    MUST(index >= reading->next && data.length > 0 && data.length <= CHUNK_MAX && cursor->left == 0, "CONTENT of %u", index);
    reading->pieces += data.length;
  } else if (type == MESSAGE_OBSERVED) {
    reading->is_done = get_u8(cursor) == 1;
    MUST(get_u32(cursor) == reading->next, "OBSERVED does not go on where it was");
    reading->next += get_u32(cursor);
    reading->pieces = 0;
  } else if (type == MESSAGE_APPLIED) {
    MUST(get_u32(cursor) == reading->next++, "APPLIED is out of order");
    read_item(reading, get_u8(cursor), cursor);
    reading->pieces = 0;
  } else if (type == MESSAGE_DONE) {
    uint32_t applied = get_u32(cursor);
    MUST(applied <= reading->next && applied + 1 >= reading->next, "DONE says %u of %u", applied, reading->next);
    reading->is_done = true;
  } else {
    MUST(false, "a reply of type 0x%02x", type);
  }
  MUST(!cursor->is_broken, "a reply 0x%02x that cannot be read", type);
}

size_t replies_check(uint32_t channel, size_t asked) {
  struct reading reading = {0};
  size_t at = 0;
  while (at < sent.length) {
    MUST(sent.length - at >= 9, "a cut frame");
    uint32_t length = read_u32(sent.data + at);
    MUST(length >= FRAME_MIN && length <= FRAME_MAX && length <= sent.length - at - 4, "a frame of %u bytes", length);
    MUST(read_u32(sent.data + at + 5) == channel, "a reply on another channel");
    struct cursor cursor = {.at = sent.data + at + 9, .left = length - 5};
    read_frame(&reading, sent.data[at + 4], &cursor);
    at += 4 + length;
  }
  sent.length = 0;
  MUST(reading.is_done && reading.next <= asked, "%u of %zu were answered", reading.next, asked);
  return reading.next;
}
