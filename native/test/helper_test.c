// The helper's binary over pipes: order, failures, broken streams, blobs, wedged workers, kills.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "fixture.h"
#include "hash.h"
#include "test.h"

static struct client client;

static struct probe stat_probe(const char *path) {
  return (struct probe){.kind = PROBE_STAT, .path = path};
}

static struct probe read_probe(const char *path) {
  return (struct probe){.kind = PROBE_READ, .path = path, .limit = 1 << 24, .flags = PROBE_FOLLOW};
}

// The errno and code of an ERROR.
static void check_error(uint8_t type, struct cursor *payload, uint32_t errno_value, uint8_t code) {
  CHECK_EQUAL(type, MESSAGE_ERROR);
  CHECK_EQUAL(get_u32(payload), errno_value);
  CHECK_EQUAL(get_u8(payload), code);
}

static void test_requests(void) {
  struct cursor payload;
  struct probe probes[3] = {stat_probe("/file"), read_probe("/file"), stat_probe("/none")};
  make_directory("tree");
  make_file("tree/file", "x");
  client_start(&client, NULL);
  send_open(&client, 1, 7, scratch("tree"), false);
  send_observe(&client, 2, 7, probes, 3);
  send_observe(&client, 3, 8, probes, 1);
  send_open(&client, 4, 9, scratch("missing"), false);
  send_observe(&client, 5, 9, probes, 1);
  send_open(&client, 6, 7, scratch("tree"), false);
  uint32_t channel;
  unsigned seen = 0;
  for (unsigned i = 0; i < 6; i++) {
    uint8_t type = client_next(&client, &channel, &payload);
    if (channel == 1) {
      CHECK_EQUAL(type, MESSAGE_OPENED);
      CHECK_TEXT(get_string(&payload), scratch("tree"));
    } else if (channel == 2) {
      CHECK_EQUAL(type, MESSAGE_OBSERVED);
      CHECK_EQUAL(get_u8(&payload), 1);
      CHECK_EQUAL(get_u32(&payload), 0);
      CHECK_EQUAL(get_u32(&payload), 3);
    } else if (channel == 3 || channel == 6) {
      check_error(type, &payload, 0, FAILURE_BAD_REQUEST);
    } else {
      check_error(type, &payload, ENOENT, FAILURE_SYSTEM);
    }
    seen |= 1u << channel;
  }
  CHECK_EQUAL(seen, 0x7e);
  send_tree_message(&client, MESSAGE_CLOSE_TREE, 10, 7);
  CHECK_EQUAL(client_await(&client, 10, &payload), MESSAGE_DONE);
  send_open(&client, 11, 7, scratch("tree"), false);
  CHECK_EQUAL(client_await(&client, 11, &payload), MESSAGE_OPENED);
  CHECK_EQUAL(client_end(&client), 0);
}

static void test_byte_by_byte(void) {
  auto_buffer struct buffer out = {0};
  struct cursor payload;
  size_t start;
  make_directory("tree");
  client_start(&client, NULL);
  start = frame_begin(&out, MESSAGE_OPEN_TREE, 1);
  put_open_tree(&out, &(struct open_tree){.tree = 1, .path = scratch("tree")});
  frame_end(&out, start);
  for (size_t i = 0; i < out.length; i++) {
    client_send(&client, out.data + i, 1);
    usleep(1000);
  }
  CHECK_EQUAL(client_await(&client, 1, &payload), MESSAGE_OPENED);
  CHECK_EQUAL(client_end(&client), 0);
}

static int status_after(const void *data, size_t length) {
  client_start(&client, NULL);
  send_open(&client, 1, 1, scratch(""), false);
  client_send(&client, data, length);
  return client_wait(&client);
}

static void test_broken(void) {
  int errors = dup(2), null = open("/dev/null", O_WRONLY);
  // What it says on stderr is right, and noise here.
  dup2(null, 2);
  CHECK_EQUAL(status_after("\0\0\0\0", 4), 70);
  CHECK_EQUAL(status_after("\4\0\0\0\3\1\0\0\0", 9), 70);
  CHECK_EQUAL(status_after("\1\0\20\0\3\1\0\0\0", 9), 70);
  CHECK_EQUAL(status_after("\377\377\377\377", 4), 70);
  CHECK_EQUAL(status_after("\5\0\0\0\3\0\0\0\0", 9), 70);
  CHECK_EQUAL(status_after("\5\0\0\0\x55\1\0\0\0", 9), 70);
  CHECK_EQUAL(status_after("\5\0\0\0\x7f\1\0\0\0", 9), 70);
  CHECK_EQUAL(status_after("\5\0\0\0\3\1\0\0\0", 9), 70);
  CHECK_EQUAL(status_after("\xd\0\0\0\3\2\0\0\0\1\0\0\0\377\0\0\0", 17), 70);
  CHECK_EQUAL(status_after("\6\0\0\0\x9\1\0\0\0\0", 10), 70);
  dup2(errors, 2);
  close(errors);
  close(null);
}

static void test_batches(void) {
  struct change first[3] = {new_write("/a", "1"), new_write("/none/b", "2"), new_write("/c", "3")};
  struct change second[1] = {new_write("/d", "4")};
  struct cursor payload;
  make_directory("tree");
  client_start(&client, NULL);
  send_open(&client, 1, 1, scratch("tree"), false);
  send_apply(&client, 2, 1, 5, first, 3);
  send_apply(&client, 3, 1, 5, second, 1);
  CHECK_EQUAL(client_await(&client, 2, &payload), MESSAGE_APPLIED);
  CHECK_EQUAL(client_await(&client, 2, &payload), MESSAGE_APPLIED);
  CHECK_EQUAL(get_u32(&payload), 1);
  CHECK_EQUAL(get_u8(&payload), 1);
  CHECK_EQUAL(client_await(&client, 2, &payload), MESSAGE_DONE);
  CHECK_EQUAL(get_u32(&payload), 1);
  CHECK_EQUAL(client_await(&client, 3, &payload), MESSAGE_DONE);
  CHECK_EQUAL(get_u32(&payload), 0);
  CHECK_TEXT(content_of("tree/d"), "(absent)");
  send_apply(&client, 4, 1, 6, second, 1);
  CHECK_EQUAL(client_await(&client, 4, &payload), MESSAGE_APPLIED);
  CHECK_EQUAL(client_await(&client, 4, &payload), MESSAGE_DONE);
  CHECK_EQUAL(get_u32(&payload), 1);
  CHECK_TEXT(content_of("tree/d"), "4");
  CHECK_TEXT(content_of("tree/c"), "(absent)");
  CHECK_EQUAL(client_end(&client), 0);
}

static void send_blob(uint32_t channel, const uint8_t *sha256, const char *text, size_t piece) {
  size_t size = strlen(text);
  for (size_t at = 0; at < size; at += piece) {
    auto_buffer struct buffer out = {0};
    put_raw(&out, sha256, 32);
    put_u64(&out, size);
    put_u64(&out, at);
    put_bytes(&out, text + at, size - at < piece ? size - at : piece);
    send_raw(&client, MESSAGE_BLOB, channel, out.data, out.length);
  }
}

static void write_blob(uint32_t channel, uint32_t tree, const uint8_t *sha256, bool is_fine) {
  struct change change = new_write("/blob", "");
  struct cursor payload;
  change.content = (struct content){.kind = 1, .sha256 = sha256};
  send_apply(&client, channel, tree, channel, &change, 1);
  CHECK_EQUAL(client_await(&client, channel, &payload), MESSAGE_APPLIED);
  get_u32(&payload);
  CHECK_EQUAL(get_u8(&payload), is_fine ? 0 : 1);
  CHECK_EQUAL(client_await(&client, channel, &payload), MESSAGE_DONE);
}

static void test_blobs(void) {
  static const char *const text = "content for many trees";
  uint8_t sha256[HASH_SIZE_MAX], other[32] = {1};
  struct hash hash;
  struct cursor payload;
  hash_start(&hash, HASH_SHA256);
  hash_add(&hash, text, strlen(text));
  hash_end(&hash, sha256);
  make_directory("before");
  make_directory("after");
  client_start(&client, NULL);
  send_open(&client, 1, 1, scratch("before"), false);
  CHECK_EQUAL(client_await(&client, 1, &payload), MESSAGE_OPENED);
  write_blob(2, 1, sha256, false);
  send_blob(3, sha256, text, 5);
  CHECK_EQUAL(client_await(&client, 3, &payload), MESSAGE_BLOB_STORED);
  send_blob(4, sha256, text, 100);
  CHECK_EQUAL(client_await(&client, 4, &payload), MESSAGE_BLOB_STORED);
  send_blob(5, other, text, 100);
  check_error(client_await(&client, 5, &payload), &payload, 0, FAILURE_BAD_REQUEST);
  send_open(&client, 6, 2, scratch("after"), false);
  write_blob(7, 1, sha256, true);
  write_blob(8, 2, sha256, true);
  write_blob(9, 2, other, false);
  CHECK_TEXT(content_of("before/blob"), text);
  CHECK_TEXT(content_of("after/blob"), text);
  CHECK_EQUAL(client_end(&client), 0);
}

static void test_large_read(void) {
  struct probe probes[2] = {read_probe("/large"), {.kind = PROBE_LIST, .path = "/many", .limit = 100000}};
  struct cursor payload;
  uint32_t channel;
  uint64_t pieces[2] = {0, 0};
  uint8_t type;
  make_directory("tree");
  make_directory("tree/many");
  make_file_sized("tree/large", 3000000);
  for (unsigned i = 0; i < 5000; i++) {
    char name[64];
    snprintf(name, sizeof name, "tree/many/a-name-that-takes-some-room-%u", i);
    make_file(name, "");
  }
  client_start(&client, NULL);
  send_open(&client, 1, 1, scratch("tree"), false);
  send_observe(&client, 2, 1, probes, 2);
  CHECK_EQUAL(client_await(&client, 1, &payload), MESSAGE_OPENED);
  while ((type = client_next(&client, &channel, &payload)) == MESSAGE_CONTENT) {
    uint32_t index = get_u32(&payload);
    if (CHECK(index < 2)) pieces[index] += get_bytes(&payload).length;
  }
  CHECK_EQUAL(type, MESSAGE_OBSERVED);
  CHECK_EQUAL(pieces[0], 3000000);
  CHECK(payload.left > 9 && pieces[1] > 5000 * 100);
  // The second item says only how long it was.
  CHECK_EQUAL(payload.at[payload.left - 9], 2);
  CHECK_EQUAL(read_u32(payload.at + payload.left - 8), pieces[1]);
  CHECK_EQUAL(client_end(&client), 0);
}

// A hostile FUSE server never answers: here the worker is stopped instead.
static void test_wedged(void) {
  struct probe probe = stat_probe("/");
  struct cursor payload;
  pid_t worker;
  make_directory("a");
  make_directory("b");
  client_start(&client, "CRUN_HELPER_DEADLINE_S=1");
  send_open(&client, 1, 1, scratch("a"), false);
  CHECK_EQUAL(client_await(&client, 1, &payload), MESSAGE_OPENED);
  worker = client_worker(&client);
  CHECK(worker > 0 && kill(worker, SIGSTOP) == 0);
  send_observe(&client, 2, 1, &probe, 1);
  send_open(&client, 3, 2, scratch("b"), false);
  send_observe(&client, 4, 2, &probe, 1);
  CHECK_EQUAL(client_await(&client, 3, &payload), MESSAGE_OPENED);
  CHECK_EQUAL(client_await(&client, 4, &payload), MESSAGE_OBSERVED);
  check_error(client_await(&client, 2, &payload), &payload, 0, FAILURE_DEADLINE);
  send_observe(&client, 5, 1, &probe, 1);
  check_error(client_await(&client, 5, &payload), &payload, 0, FAILURE_DEADLINE);
  send_observe(&client, 6, 2, &probe, 1);
  CHECK_EQUAL(client_await(&client, 6, &payload), MESSAGE_OBSERVED);
  send_tree_message(&client, MESSAGE_CLOSE_TREE, 7, 1);
  CHECK_EQUAL(client_await(&client, 7, &payload), MESSAGE_DONE);
  CHECK_EQUAL(client_end(&client), 0);
  CHECK(process_ends(worker));
}

static void test_worker_dies(void) {
  struct probe probe = stat_probe("/");
  struct cursor payload;
  make_directory("a");
  client_start(&client, NULL);
  send_open(&client, 1, 1, scratch("a"), false);
  CHECK_EQUAL(client_await(&client, 1, &payload), MESSAGE_OPENED);
  CHECK(kill(client_worker(&client), SIGKILL) == 0);
  send_observe(&client, 2, 1, &probe, 1);
  CHECK_EQUAL(client_await(&client, 2, &payload), MESSAGE_ERROR);
  send_tree_message(&client, MESSAGE_CLOSE_TREE, 3, 1);
  CHECK_EQUAL(client_await(&client, 3, &payload), MESSAGE_DONE);
  send_open(&client, 4, 1, scratch("a"), false);
  CHECK_EQUAL(client_await(&client, 4, &payload), MESSAGE_OPENED);
  CHECK_EQUAL(client_end(&client), 0);
}

// Whenever the helper dies, a file is the old or the new one, whole, and no other name is left for long.
static void test_killed(void) {
  static char old_text[20001], new_text[20001];
  unsigned olds = 0, news = 0;
  memset(old_text, 'o', 20000);
  memset(new_text, 'n', 20000);
  make_directory("tree");
  srand(3);
  for (unsigned round = 0; round < 60; round++) {
    struct change changes[8];
    struct cursor payload;
    pid_t worker;
    make_file("tree/file", old_text);
    for (unsigned i = 0; i < 8; i++) changes[i] = new_write("/file", i % 2 == 0 ? new_text : old_text);
    client_start(&client, NULL);
    send_open(&client, 1, 1, scratch("tree"), false);
    CHECK_EQUAL(client_await(&client, 1, &payload), MESSAGE_OPENED);
    worker = client_worker(&client);
    send_apply(&client, 2, 1, 1, changes, 8);
    usleep((useconds_t)(rand() % 1500));
    kill(client.pid, SIGKILL);
    kill(worker, SIGKILL);
    CHECK_EQUAL(client_wait(&client), 128 + SIGKILL);
    CHECK(process_ends(worker));
    const char *content = content_of("tree/file");
    bool is_old = strcmp(content, old_text) == 0, is_new = strcmp(content, new_text) == 0;
    CHECK(is_old || is_new);
    olds += is_old;
    news += is_new;
  }
  CHECK(olds + news == 60);
  // A kill between link and rename may leave a name; in 60 rounds of 8 changes it is all but impossible to see ten.
  CHECK(count_entries("tree") < 10);
}

static void test_router_dies(void) {
  struct cursor payload;
  pid_t worker;
  make_directory("a");
  client_start(&client, NULL);
  send_open(&client, 1, 1, scratch("a"), false);
  CHECK_EQUAL(client_await(&client, 1, &payload), MESSAGE_OPENED);
  worker = client_worker(&client);
  kill(client.pid, SIGKILL);
  CHECK_EQUAL(client_wait(&client), 128 + SIGKILL);
  CHECK(process_ends(worker));
}

static void test_slow_controller(void) {
  struct probe probes[40];
  struct cursor payload;
  uint32_t channel;
  uint64_t content = 0;
  make_directory("tree");
  make_file_sized("tree/large", 2000000);
  for (size_t i = 0; i < 40; i++) probes[i] = read_probe("/large");
  client_start(&client, NULL);
  send_open(&client, 1, 1, scratch("tree"), false);
  send_observe(&client, 2, 1, probes, 40);
  // 80 MB wait, and the helper must neither hold them all nor stop hearing.
  usleep(300000);
  send_observe(&client, 3, 1, probes, 1);
  for (unsigned observed = 0; observed < 2;) {
    uint8_t type = client_next(&client, &channel, &payload);
    if (!CHECK(type != 0)) break;
    if (type == MESSAGE_OBSERVED) observed++;
    if (type == MESSAGE_CONTENT) {
      get_u32(&payload);
      content += get_bytes(&payload).length;
    }
  }
  CHECK_EQUAL(content, 41 * 2000000);
  CHECK_EQUAL(client_end(&client), 0);
}

void exec_tests(void);

void helper_tests(void) {
  test_run("requests are answered on their channels, and a tree that cannot be opened says why each time",
           test_requests);
  test_run("frames may come byte by byte", test_byte_by_byte);
  test_run("a broken stream ends the helper with status 70", test_broken);
  test_run("a batch stops at its first failure, in its later parts too", test_batches);
  test_run("a blob is sent once, checked, and known to trees opened before and after", test_blobs);
  test_run("what does not fit into a frame comes in pieces", test_large_read);
  test_run("a wedged worker is given up, and no other tree waits for it", test_wedged);
  test_run("a worker that dies fails its requests, and its tree can be opened again", test_worker_dies);
  test_run("a kill at any moment leaves the old or the new file, whole", test_killed);
  test_run("workers go when the router is killed", test_router_dies);
  test_run("a slow controller holds up the workers, not the helper's memory", test_slow_controller);
  exec_tests();
}
