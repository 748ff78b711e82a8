// A tree beneath the scratch directory, opened in this very process.
#include "fixture.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

void fixture_open(struct fixture *fixture) {
  struct open_tree request = {.tree = 1, .path = scratch("tree"), .entry = ENTRY_CHROOT};
  struct node_value node;
  struct err err;
  int sockets[2];
  *fixture = (struct fixture){
      .tree = {.root = {.fd = -1, .proc_fd = -1}, .host = {.fd = -1, .proc_fd = -1}, .blobs = {.fd = -1}}};
  make_directory("tree");
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) == 0);
  fixture->other = sockets[1];
  port_init(&fixture->port, sockets[0], &fixture->beat);
  fixture->tree.port = &fixture->port;
  fixture->tree.beat = &fixture->beat;
  CHECK(tree_open(&fixture->tree, &request, test.has_openat2, &node, &err) == 0);
}

void fixture_close(struct fixture *fixture) {
  tree_close(&fixture->tree);
  blob_store_close(&fixture->tree.blobs);
  buffer_free(&fixture->port.in);
  buffer_free(&fixture->port.out);
  close(fixture->port.fd);
  close(fixture->other);
}

int attempt(struct fixture *fixture, const struct change *change, struct err *err) {
  int result = -1;
  err_clear(err);
  switch ((enum change_kind)change->kind) {
    case CHANGE_WRITE_FILE:
      result = change_write_file(&fixture->tree, change, err);
      break;
    case CHANGE_MAKE_DIRECTORY:
      result = change_make_directory(&fixture->tree, change, err);
      break;
    case CHANGE_MAKE_LINK:
      result = change_make_link(&fixture->tree, change, err);
      break;
    case CHANGE_HARD_LINK:
      result = change_hard_link(&fixture->tree, change, err);
      break;
    case CHANGE_REMOVE:
      result = change_remove(&fixture->tree, change, err);
      break;
    case CHANGE_SET_ATTRIBUTES:
      result = change_set_attributes(&fixture->tree, change, err);
      break;
    case CHANGE_COPY_FILE:
      result = change_copy_file(&fixture->tree, change, err);
      break;
    case CHANGE_RENAME:
      result = change_rename(&fixture->tree, change, err);
      break;
    case CHANGE_WRITE_KERNEL:
      result = change_write_kernel(&fixture->tree, change, err);
      break;
    case CHANGE_LOCK:
      result = change_lock(&fixture->tree, change, 1, err);
      break;
    case CHANGE_HOLD:
      result = change_hold(&fixture->tree, change, 1, err);
      break;
    case CHANGE_UNLOCK:
      result = change_unlock(&fixture->tree, change, err);
      break;
    case CHANGE_SUBVOLUME:
      result = change_subvolume(&fixture->tree, change, err);
      break;
    case CHANGE_SET_SUBVOLUME:
      result = change_set_subvolume(&fixture->tree, change, err);
      break;
    case CHANGE_MOUNT_OVERLAY:
      result = change_mount_overlay(&fixture->tree, change, err);
      break;
    case CHANGE_UNMOUNT:
      result = change_unmount(&fixture->tree, change, err);
      break;
    case CHANGE_EXEC:
      break;
  }
  return result == 0 ? 0 : err->code + 1;
}

int does(struct fixture *fixture, const struct change *change) {
  struct err err;
  return attempt(fixture, change, &err);
}

struct change new_change(uint8_t kind, const char *path) {
  return (struct change){.kind = kind, .path = path, .mode = MODE_KEEP, .uid = ID_KEEP, .gid = ID_KEEP};
}

struct change new_write(const char *path, const char *content) {
  struct change change = new_change(CHANGE_WRITE_FILE, path);
  change.content.bytes = (struct bytes){(const uint8_t *)content, strlen(content)};
  return change;
}
