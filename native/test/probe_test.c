// Probes: what they answer, and what they refuse to be drawn into.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "hash.h"
#include "test.h"

static struct fixture fixture;

// Reads an answer's beginning: `real` and the Stat's type; the cursor is left after the Stat.
static uint8_t read_node(struct cursor *cursor, char real[PATH_MAX]) {
  uint8_t type;
  snprintf(real, PATH_MAX, "%s", get_string(cursor));
  type = get_u8(cursor);
  if (type != TYPE_ABSENT) {
    get_raw(cursor, 2 + 4 + 4 + 4 + 8 * 5 + 4 + 12 * 3);
    get_bytes(cursor);
    get_u32(cursor);
  }
  return type;
}

static int read_probe(const struct probe *probe, struct buffer *out, struct cursor *cursor, struct err *err) {
  struct task task = {1, 0};
  int result = probe_read(&fixture.tree, probe, &task, out, err);
  *cursor = (struct cursor){.at = out->data, .left = out->length};
  return result;
}

// Content as READ tells it; NULL where there is none. `kind` is the content's.
static char *read_text(const char *path, uint64_t limit, struct bytes_list needles, const uint8_t *unless,
                       uint8_t *kind) {
  auto_buffer struct buffer out = {0};
  struct probe probe = {
      .kind = PROBE_READ, .path = path, .flags = PROBE_FOLLOW, .limit = limit, .needles = needles, .unless = unless};
  struct cursor cursor;
  struct err err;
  char real[PATH_MAX];
  *kind = 255;
  if (read_probe(&probe, &out, &cursor, &err) != 0) return NULL;
  read_node(&cursor, real);
  get_raw(&cursor, 32);
  *kind = get_u8(&cursor);
  if (*kind != 1) return NULL;
  struct bytes bytes = get_bytes(&cursor);
  CHECK(!cursor.is_broken && cursor.left == 0);
  return strndup((const char *)bytes.data, bytes.length);
}

static void test_read(void) {
  struct bytes_list none = {0};
  uint8_t kind, sha256[32];
  struct hash hash;
  char *text;
  fixture_open(&fixture);
  make_file("tree/hello", "hello\n");
  make_file("tree/empty", "");
  text = read_text("/hello", 100, none, NULL, &kind);
  CHECK_TEXT(text, "hello\n");
  free(text);
  text = read_text("/empty", 100, none, NULL, &kind);
  CHECK_TEXT(text, "");
  free(text);
  free(read_text("/hello", 6, none, NULL, &kind));
  CHECK_EQUAL(kind, 1);
  CHECK(read_text("/hello", 5, none, NULL, &kind) == NULL);
  CHECK_EQUAL(kind, 3);
  CHECK(read_text("/missing", 5, none, NULL, &kind) == NULL);
  CHECK_EQUAL(kind, 0);
  hash_start(&hash, HASH_SHA256);
  hash_add(&hash, "hello\n", 6);
  hash_end(&hash, sha256);
  CHECK(read_text("/hello", 100, none, sha256, &kind) == NULL);
  CHECK_EQUAL(kind, 0);
  CHECK(read_text("/hello", 1, none, sha256, &kind) == NULL);
  CHECK_EQUAL(kind, 0);
  fixture_close(&fixture);
}

static void test_needles(void) {
  struct bytes needles[2] = {{(const uint8_t *)"\nPackage: nginx\n", 16}, {(const uint8_t *)"\nPackage: last\n", 15}};
  struct bytes_list list = {needles, 2};
  uint8_t kind;
  char *text;
  fixture_open(&fixture);
  make_file(
      "tree/status",
      "Package: bash\nStatus: a\n\nPackage: nginx\nStatus: b\n\n\nPackage: nginx-core\nX: \n\nPackage: last\nEnd: 1");
  text = read_text("/status", 10000, list, NULL, &kind);
  CHECK_TEXT(text, "Package: nginx\nStatus: b\n\nPackage: last\nEnd: 1\n\n");
  free(text);
  list.items[0] = (struct bytes){(const uint8_t *)"\nPackage: bash\n", 15};
  list.count = 1;
  text = read_text("/status", 10000, list, NULL, &kind);
  CHECK_TEXT(text, "Package: bash\nStatus: a\n\n");
  free(text);
  make_file("tree/newlines", "\n\n\n");
  text = read_text("/newlines", 10000, list, NULL, &kind);
  CHECK_TEXT(text, "");
  free(text);
  make_file("tree/nothing", "");
  text = read_text("/nothing", 10000, list, NULL, &kind);
  CHECK_TEXT(text, "");
  free(text);
  fixture_close(&fixture);
}

// A fifo would block, a device may do anything, a sparse file would fill memory.
static void test_hostile_read(void) {
  struct bytes_list none = {0};
  uint8_t kind;
  fixture_open(&fixture);
  CHECK(mkfifo(scratch("tree/fifo"), 0666) == 0);
  CHECK(read_text("/fifo", 100, none, NULL, &kind) == NULL);
  CHECK_EQUAL(kind, 0);
  CHECK(read_text("/", 100, none, NULL, &kind) == NULL);
  CHECK_EQUAL(kind, 0);
  make_file_sized("tree/sparse", (size_t)10 << 30);
  CHECK(read_text("/sparse", 1 << 24, none, NULL, &kind) == NULL);
  CHECK_EQUAL(kind, 3);
  make_file("secret", "host\n");
  CHECK(symlink("../secret", scratch("tree/passwd")) == 0);
  CHECK(read_text("/passwd", 100, none, NULL, &kind) == NULL);
  CHECK_EQUAL(kind, 0);
  if (geteuid() == 0 && mknod(scratch("tree/zero"), S_IFCHR | 0666, makedev(1, 5)) == 0) {
    CHECK(read_text("/zero", 100, none, NULL, &kind) == NULL);
    CHECK_EQUAL(kind, 0);
  }
  fixture_close(&fixture);
}

static unsigned list(const char *path, uint32_t depth, uint32_t limit, uint8_t *truncated) {
  auto_buffer struct buffer out = {0};
  struct probe probe = {.kind = PROBE_LIST, .path = path, .depth = depth, .limit = limit};
  struct cursor cursor;
  struct err err;
  char real[PATH_MAX];
  if (!CHECK(probe_list(&fixture.tree, &probe, &out, &err) == 0)) return 0;
  cursor = (struct cursor){.at = out.data, .left = out.length};
  read_node(&cursor, real);
  *truncated = get_u8(&cursor);
  return get_u32(&cursor);
}

static void test_list(void) {
  uint8_t truncated;
  fixture_open(&fixture);
  make_directory("tree/d");
  make_directory("tree/d/e");
  make_file("tree/d/e/f", "");
  make_file("tree/d/g", "");
  CHECK(symlink("/", scratch("tree/d/link")) == 0);
  CHECK_EQUAL(list("/d", 0, 100, &truncated), 4);
  CHECK_EQUAL(truncated, 0);
  CHECK_EQUAL(list("/d", 1, 100, &truncated), 3);
  CHECK_EQUAL(list("/d", 0, 2, &truncated), 2);
  CHECK_EQUAL(truncated, 1);
  CHECK_EQUAL(list("/d/g", 0, 2, &truncated), 0);
  CHECK_EQUAL(list("/none", 0, 2, &truncated), 0);
  fixture_close(&fixture);
}

// As deep as a hostile owner likes: made by descriptors, since no path is so long.
static void make_deep(const char *name, unsigned depth) {
  int fd = open(scratch(name), O_RDONLY | O_DIRECTORY);
  for (unsigned i = 0; i < depth && fd >= 0; i++) {
    int next = mkdirat(fd, "d", 0755) == 0 ? openat(fd, "d", O_RDONLY | O_DIRECTORY) : -1;
    close(fd);
    fd = next;
  }
  CHECK(fd >= 0);
  if (fd >= 0) close(fd);
}

static void test_deep(void) {
  struct change change = new_change(CHANGE_REMOVE, "/deep");
  uint8_t truncated;
  fixture_open(&fixture);
  make_directory("tree/deep");
  make_deep("tree/deep", 50000);
  CHECK(list("/deep", 0, 100000, &truncated) > 100);
  CHECK_EQUAL(truncated, 1);
  change.flags = REMOVE_ALL;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(count_entries("tree"), 0);
  fixture_close(&fixture);
}

static void test_wide(void) {
  struct change change = new_change(CHANGE_REMOVE, "/wide");
  uint8_t truncated;
  int fd;
  fixture_open(&fixture);
  make_directory("tree/wide");
  fd = open(scratch("tree/wide"), O_RDONLY | O_DIRECTORY);
  for (unsigned i = 0; i < 30000; i++) {
    char name[32];
    snprintf(name, sizeof name, "%u", i);
    int file = openat(fd, name, O_CREAT | O_WRONLY, 0600);
    if (file >= 0) close(file);
  }
  close(fd);
  CHECK_EQUAL(list("/wide", 0, 20000, &truncated), 20000);
  CHECK_EQUAL(truncated, 1);
  CHECK_EQUAL(list("/wide", 0, 100000, &truncated), 30000);
  change.flags = REMOVE_ALL;
  CHECK_EQUAL(does(&fixture, &change), 0);
  CHECK_EQUAL(count_entries("tree"), 0);
  fixture_close(&fixture);
}

static const char *glob(const char *pattern) {
  static char joined[4096];
  auto_buffer struct buffer out = {0};
  struct probe probe = {.kind = PROBE_GLOB, .path = pattern, .limit = 1000};
  struct cursor cursor;
  struct err err;
  uint32_t count;
  joined[0] = '\0';
  if (!CHECK(probe_glob(&fixture.tree, &probe, &out, &err) == 0)) return "";
  cursor = (struct cursor){.at = out.data, .left = out.length};
  get_string(&cursor);
  count = get_u32(&cursor);
  for (uint32_t i = 0; i < count; i++) {
    strcat(joined, get_string(&cursor));
    strcat(joined, " ");
  }
  return joined;
}

static void test_glob(void) {
  fixture_open(&fixture);
  make_directory("tree/etc");
  make_directory("tree/etc/a.d");
  make_directory("tree/etc/b.d");
  make_file("tree/etc/b.d/x.conf", "");
  make_file("tree/etc/a.d/y.conf", "");
  make_file("tree/etc/a.d/.hidden.conf", "");
  make_file("secret.conf", "");
  CHECK(symlink("..", scratch("tree/etc/up.d")) == 0);
  CHECK(symlink("../..", scratch("tree/etc/out.d")) == 0);
  CHECK_TEXT(glob("/etc/*.d/*.conf"), "/etc/a.d/y.conf /etc/b.d/x.conf ");
  CHECK_TEXT(glob("/etc/?.d"), "/etc/a.d /etc/b.d ");
  CHECK_TEXT(glob("/etc/[b-z].d/x.conf"), "/etc/b.d/x.conf ");
  CHECK_TEXT(glob("/*/a.d/none"), "");
  CHECK_TEXT(glob("/etc"), "/etc ");
  CHECK_TEXT(glob("/"), "/ ");
  fixture_close(&fixture);
}

static void test_hash(void) {
  auto_buffer struct buffer out = {0};
  struct probe probe = {.kind = PROBE_HASH, .path = "/abc", .algorithms = HASH_SHA256 | HASH_MD5};
  struct cursor cursor;
  struct err err;
  char real[PATH_MAX];
  fixture_open(&fixture);
  make_file("tree/abc", "abc");
  CHECK(probe_hash(&fixture.tree, &probe, &out, &err) == 0);
  cursor = (struct cursor){.at = out.data, .left = out.length};
  CHECK_EQUAL(read_node(&cursor, real), TYPE_FILE);
  CHECK_EQUAL(get_u32(&cursor), 2);
  CHECK_EQUAL(get_bytes(&cursor).data[0], 0x90);
  CHECK_EQUAL(get_bytes(&cursor).data[0], 0xba);
  CHECK(!cursor.is_broken && cursor.left == 0);
  fixture_close(&fixture);
}

static void test_hash_attributes(void) {
  auto_buffer struct buffer out = {0};
  struct probe probe = {.kind = PROBE_HASH, .path = "/d", .algorithms = HASH_SHA256 | HASH_XATTRS};
  struct cursor cursor;
  struct err err;
  char real[PATH_MAX];
  fixture_open(&fixture);
  make_directory("tree/d");
  CHECK(probe_hash(&fixture.tree, &probe, &out, &err) == 0);
  cursor = (struct cursor){.at = out.data, .left = out.length};
  CHECK_EQUAL(read_node(&cursor, real), TYPE_DIRECTORY);
  CHECK_EQUAL(get_u32(&cursor), 2);
  CHECK_EQUAL(get_bytes(&cursor).length, 0);
  CHECK_EQUAL(get_bytes(&cursor).length, 0);
  CHECK(!cursor.is_broken && cursor.left == 0);
  fixture_close(&fixture);
}

// What CONNECT finds at a port of this machine: what was said there, or `error N`, or `refused`.
static const char *try_port(const char *host, uint16_t port, uint32_t timeout_ms, uint64_t limit) {
  static char said[256];
  auto_buffer struct buffer out = {0};
  struct probe probe = {.kind = PROBE_CONNECT, .host = host, .port = port, .timeout_ms = timeout_ms, .limit = limit};
  struct err err;
  if (probe_connect(&fixture.tree, &probe, &out, &err) != 0) return err.code == FAILURE_BAD_REQUEST ? "refused" : "?";
  struct cursor cursor = {.at = out.data, .left = out.length};
  uint8_t is_open = get_u8(&cursor);
  uint32_t failure = get_u32(&cursor);
  struct bytes bytes = get_bytes(&cursor);
  CHECK(!cursor.is_broken && cursor.left == 0);
  if (!is_open) {
    snprintf(said, sizeof said, "error %u", failure);
  } else {
    snprintf(said, sizeof said, "%.*s", (int)bytes.length, (const char *)bytes.data);
  }
  return said;
}

static void test_connect(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  char closed[32];
  pid_t child;
  fixture_open(&fixture);
  CHECK(bind(listening, (struct sockaddr *)&address, sizeof address) == 0 && listen(listening, 8) == 0);
  CHECK(getsockname(listening, (struct sockaddr *)&address, &length) == 0);
  uint16_t port = ntohs(address.sin_port);
  // Nobody accepts: the kernel answers, nothing is said, and the time is kept.
  CHECK_TEXT(try_port("127.0.0.1", port, 1000, 0), "");
  CHECK_TEXT(try_port("127.0.0.1", port, 50, 100), "");
  child = fork();
  if (child == 0) {
    for (unsigned i = 0; i < 4; i++) {
      int fd = accept(listening, NULL, NULL);
      // The two before were never accepted.
      if (i >= 2 && write(fd, "hello\r\nworld", 12) != 12) _exit(1);
      if (i == 3) sleep(1);
      close(fd);
    }
    _exit(0);
  }
  CHECK_TEXT(try_port("127.0.0.1", port, 5000, 100), "hello\r\nworld");
  // Silence ends it before the timeout, and the limit holds.
  CHECK_TEXT(try_port("127.0.0.1", port, 60000, 5), "hello");
  waitpid(child, NULL, 0);
  close(listening);
  snprintf(closed, sizeof closed, "error %d", ECONNREFUSED);
  CHECK_TEXT(try_port("127.0.0.1", port, 1000, 0), closed);
  CHECK_TEXT(try_port("localhost", port, 1000, 0), "refused");
  CHECK_TEXT(try_port("", port, 1000, 0), "refused");
  CHECK_TEXT(try_port("127.0.0.1", 0, 1000, 0), "refused");
  fixture_close(&fixture);
}

void probe_tests(void) {
  test_run("READ gives the content, unless it is too large or known", test_read);
  test_run("needles pick whole paragraphs, and only where the very line is in them", test_needles);
  test_run("READ is not drawn into fifos, devices, sparse files or files of the host", test_hostile_read);
  test_run("LIST tells what is beneath a directory, links not followed", test_list);
  test_run("GLOB matches beneath the root alone, sorted", test_glob);
  test_run("HASH gives the digests in the order of the bits", test_hash);
  test_run("HASH tells of a directory's attributes", test_hash_attributes);
  test_run("CONNECT tells what answers at a port, in bounded time", test_connect);
  test_run("50,000 levels are listed up to a limit, and removed", test_deep);
  test_run("a directory of many names is listed and removed in bounded memory", test_wide);
}
