// A file system whose server is hostile (FUSE): names that no other has, answers that never end.
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "fixture.h"
#include "hash.h"
#include "test.h"

// Longer than NAME_MAX, and short enough for the kernel.
#define LONG_NAME 1000
// The number of a directory without an end, and of each file in it.
#define ENDLESS 1000
#define ENTRY 2000

static struct fixture fixture;

static void answer(int fd, const struct fuse_in_header *to, int error, const void *data, size_t size) {
  struct fuse_out_header head = {.unique = to->unique, .error = error};
  char message[8192];
  if (error != 0) size = 0;
  head.len = (uint32_t)(sizeof head + size);
  memcpy(message, &head, sizeof head);
  if (size > 0) memcpy(message + sizeof head, data, size);
  // The kernel may have lost its interest meanwhile.
  if (write(fd, message, head.len) < 0 && errno != ENOENT) _exit(1);
}

static struct fuse_attr attributes(uint64_t node) {
  uint32_t mode = node == ENTRY ? S_IFREG | 0644 : S_IFDIR | 0755;
  return (struct fuse_attr){.ino = node, .mode = mode, .nlink = node == ENTRY ? 1 : 2, .blksize = 4096};
}

static size_t put_name(char *out, uint64_t offset, uint32_t type, const char *name, size_t length) {
  struct fuse_dirent entry = {.ino = 9, .off = offset + 1, .namelen = (uint32_t)length, .type = type >> 12};
  memset(out, 0, FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length));
  memcpy(out, &entry, FUSE_NAME_OFFSET);
  memcpy(out + FUSE_NAME_OFFSET, name, length);
  return FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length);
}

// The root holds `d`, and each other directory a directory of a long name; `endless` holds files without an end.
static void serve_directory(int fd, const struct fuse_in_header *request) {
  const struct fuse_read_in *read_in = (const void *)(request + 1);
  char entries[4096], name[LONG_NAME];
  memset(name, 'n', sizeof name);
  size_t size = 0;
  if (request->nodeid == ENDLESS) {
    int length = snprintf(name, sizeof name, "%llu", (unsigned long long)read_in->offset);
    size = put_name(entries, read_in->offset, S_IFREG, name, (size_t)length);
  } else if (read_in->offset == 0) {
    size = request->nodeid == 1 ? put_name(entries, 0, S_IFDIR, "d", 1) : put_name(entries, 0, S_IFDIR, name, sizeof name);
  }
  answer(fd, request, 0, entries, size);
}

static void serve_one(int fd, const struct fuse_in_header *request) {
  struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
  bool is_endless = request->opcode == FUSE_LOOKUP && strcmp((const char *)(request + 1), "endless") == 0;
  uint64_t found = is_endless ? ENDLESS : request->nodeid == ENDLESS ? ENTRY : request->nodeid + 1;
  struct fuse_entry_out entry = {.nodeid = found, .attr = attributes(found)};
  struct fuse_attr_out attr = {.attr = attributes(request->nodeid)};
  struct fuse_open_out opened = {0};
  struct fuse_statfs_out statfs = {.st = {.namelen = 4096}};
  switch (request->opcode) {
    case FUSE_INIT:
      answer(fd, request, 0, &init, sizeof init);
      break;
    case FUSE_LOOKUP:
      answer(fd, request, 0, &entry, sizeof entry);
      break;
    case FUSE_GETATTR:
      answer(fd, request, 0, &attr, sizeof attr);
      break;
    case FUSE_OPENDIR:
      answer(fd, request, 0, &opened, sizeof opened);
      break;
    case FUSE_READDIR:
      serve_directory(fd, request);
      break;
    case FUSE_STATFS:
      answer(fd, request, 0, &statfs, sizeof statfs);
      break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      break;
    case FUSE_RELEASEDIR:
    case FUSE_FLUSH:
    case FUSE_RMDIR:
    case FUSE_UNLINK:
      answer(fd, request, 0, NULL, 0);
      break;
    default:
      answer(fd, request, -ENOSYS, NULL, 0);
  }
}

// Mounts it at a directory of the scratch directory. The server's pid, or 0 where there is no FUSE here.
static pid_t start_server(const char *name) {
  char options[128];
  int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fd < 0) return 0;
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
  if (mount("hostile", scratch(name), "fuse", MS_NOSUID | MS_NODEV, options) != 0) {
    close(fd);
    return 0;
  }
  pid_t pid = fork();
  if (pid == 0) {
    static char request[1 << 17];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
      ssize_t got = read(fd, request, sizeof request);
      if (got < 0 && errno != EINTR && errno != ENOENT) _exit(0);
      if (got >= (ssize_t)sizeof(struct fuse_in_header)) serve_one(fd, (const struct fuse_in_header *)(const void *)request);
    }
  }
  close(fd);
  return pid;
}

static void stop_server(pid_t pid, const char *name) {
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  CHECK(umount2(scratch(name), MNT_DETACH) == 0);
}

static void make_hostile(void) {
  make_directory("tree");
  make_directory("tree/fuse");
}

static int list(const char *path, struct err *err) {
  auto_buffer struct buffer out = {0};
  struct probe probe = {.kind = PROBE_LIST, .path = path, .limit = 100, .algorithms = HASH_XATTRS | HASH_SHA256};
  return probe_list(&fixture.tree, &probe, &out, err);
}

static void test_long_names(void) {
  struct err err;
  make_hostile();
  pid_t server = start_server("tree/fuse");
  fixture_open(&fixture);
  CHECK(list("/fuse/d", &err) != 0);
  CHECK_EQUAL(err.errno_, ENAMETOOLONG);
  struct change removal = new_change(CHANGE_REMOVE, "/fuse/d");
  removal.flags = REMOVE_ALL;
  CHECK(attempt(&fixture, &removal, &err) != 0);
  CHECK_EQUAL(err.errno_, ENAMETOOLONG);
  CHECK_TEXT(err.path, "/fuse/d");
  fixture_close(&fixture);
  stop_server(server, "tree/fuse");
}

static void test_endless(void) {
  auto_buffer struct buffer out = {0};
  struct err err;
  make_hostile();
  pid_t server = start_server("tree/fuse");
  fixture_open(&fixture);
  fixture.tree.walk_ms = 150;
  struct probe listing = {.kind = PROBE_LIST, .path = "/fuse/endless", .limit = 100, .has_since = true};
  listing.since.tv_sec = (time_t)1 << 40;
  CHECK(probe_list(&fixture.tree, &listing, &out, &err) != 0);
  CHECK_EQUAL(err.code, FAILURE_DEADLINE);
  struct probe glob = {.kind = PROBE_GLOB, .path = "/fuse/endless/x*", .limit = 100};
  CHECK(probe_glob(&fixture.tree, &glob, &out, &err) != 0);
  CHECK_EQUAL(err.code, FAILURE_DEADLINE);
  struct change removal = new_change(CHANGE_REMOVE, "/fuse/endless");
  removal.flags = REMOVE_ALL;
  CHECK(attempt(&fixture, &removal, &err) != 0);
  CHECK_EQUAL(err.code, FAILURE_DEADLINE);
  fixture_close(&fixture);
  stop_server(server, "tree/fuse");
}

// The helper as it is shipped: compilers may think that no name is longer than its array.
static void test_helper(void) {
  struct client client;
  struct cursor payload;
  struct probe probe = {.kind = PROBE_LIST, .path = "/fuse/d", .limit = 100, .algorithms = HASH_XATTRS};
  struct change removal = new_change(CHANGE_REMOVE, "/fuse/d");
  make_hostile();
  pid_t server = start_server("tree/fuse");
  client_start(&client, NULL);
  send_open(&client, 1, 1, scratch("tree"), false);
  CHECK_EQUAL(client_await(&client, 1, &payload), MESSAGE_OPENED);
  send_observe(&client, 2, 1, &probe, 1);
  CHECK_EQUAL(client_await(&client, 2, &payload), MESSAGE_OBSERVED);
  get_raw(&payload, 1 + 4 + 4);
  CHECK_EQUAL(get_u8(&payload), 1);
  CHECK_EQUAL(get_u32(&payload), ENAMETOOLONG);
  removal.flags = REMOVE_ALL;
  send_apply(&client, 3, 1, 1, &removal, 1);
  CHECK_EQUAL(client_await(&client, 3, &payload), MESSAGE_APPLIED);
  get_u32(&payload);
  CHECK_EQUAL(get_u8(&payload), 1);
  CHECK_EQUAL(get_u32(&payload), ENAMETOOLONG);
  CHECK_EQUAL(client_end(&client), 0);
  stop_server(server, "tree/fuse");
}

void fuse_tests(void) {
  static const char in_process[] = "a name longer than any of the C library's is refused, not copied";
  static const char endless[] = "a directory without an end is given up after its time";
  static const char in_helper[] = "the helper goes on beside a file system with such names";
  make_hostile();
  pid_t server = start_server("tree/fuse");
  if (server == 0) {
    const char *reason = geteuid() != 0 ? "needs root" : "no FUSE in this kernel";
    test_skip(in_process, reason);
    test_skip(endless, reason);
    test_skip(in_helper, reason);
    return;
  }
  stop_server(server, "tree/fuse");
  test_run(in_process, test_long_names);
  test_run(endless, test_endless);
  test_run(in_helper, test_helper);
}
