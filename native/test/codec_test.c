// The codec against what is malformed, cut, random or huge.
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "twin.h"

// Decodes a copy of exactly `length` bytes, so that a sanitizer sees every read beyond.
static bool decodes(uint8_t type, const uint8_t *data, size_t length) {
  uint8_t *copy = malloc(length + 4);
  // A str is moved one byte down: the first field of every request is a number, so nothing is touched before the
  // payload.
  struct cursor cursor = {.at = copy + 4, .left = length};
  struct open_tree open_tree = {0};
  struct observe observe = {0};
  struct apply apply = {0};
  struct exec_spec exec = {0};
  uint32_t tree;
  bool is_fine;
  memcpy(copy + 4, data, length);
  if (type == MESSAGE_OPEN_TREE) decode_open_tree(&cursor, &open_tree);
  if (type == MESSAGE_OBSERVE) decode_observe(&cursor, &observe);
  if (type == MESSAGE_APPLY) decode_apply(&cursor, &apply);
  if (type == MESSAGE_EXEC) decode_exec(&cursor, &tree, &exec);
  is_fine = !cursor.is_broken;
  observe_clear(&observe);
  apply_clear(&apply);
  exec_clear(&exec);
  free(copy);
  return is_fine;
}

static const uint8_t request_types[] = {MESSAGE_OPEN_TREE, MESSAGE_OBSERVE, MESSAGE_APPLY, MESSAGE_EXEC};

static void put_sample(struct buffer *out, uint8_t type) {
  char *argv[] = {(char *)(uintptr_t) "/bin/true", NULL}, *environment[] = {(char *)(uintptr_t) "A=b", NULL};
  struct exec_spec exec = {.argv = argv,
                           .environment = environment,
                           .directory = "/",
                           .user = "",
                           .output_limit = 5,
                           .umask = 0,
                           .entry = 255};
  struct bytes needle = {(const uint8_t *)"x", 1};
  struct probe probes[] = {{.kind = PROBE_READ, .path = "/a", .limit = 5, .needles = {&needle, 1}},
                           {.kind = PROBE_EXEC, .path = "", .exec = &exec}};
  struct change changes[] = {
      {.kind = CHANGE_WRITE_FILE, .path = "/a", .content = {.bytes = needle}, .mtime = {.kind = 2}, .mode = 0644},
      {.kind = CHANGE_WRITE_KERNEL,
       .path = "/b",
       .value = needle,
       .has_current = true,
       .current = needle,
       .expect = {.flags = 1, .type = 1}},
      {.kind = CHANGE_EXEC, .path = "", .exec = &exec}};
  if (type == MESSAGE_OPEN_TREE) put_open_tree(out, &(struct open_tree){.tree = 1, .path = "/srv"});
  if (type == MESSAGE_OBSERVE) put_observe(out, &(struct observe){.tree = 1, .probes = probes, .count = 2});
  if (type == MESSAGE_APPLY) put_apply(out, &(struct apply){.tree = 1, .batch = 2, .changes = changes, .count = 3});
  if (type == MESSAGE_EXEC) {
    put_u32(out, 1);
    put_exec(out, &exec);
  }
}

static void test_cut(void) {
  for (size_t i = 0; i < 4; i++) {
    auto_buffer struct buffer sample = {0};
    put_sample(&sample, request_types[i]);
    CHECK(decodes(request_types[i], sample.data, sample.length));
    for (size_t length = 0; length < sample.length; length++) CHECK(!decodes(request_types[i], sample.data, length));
    put_u8(&sample, 0);
    CHECK(!decodes(request_types[i], sample.data, sample.length));
  }
}

static void test_damaged(void) {
  srand(1);
  for (unsigned round = 0; round < 20000; round++) {
    auto_buffer struct buffer sample = {0};
    uint8_t type = request_types[round % 4];
    put_sample(&sample, type);
    for (int flips = rand() % 4; flips >= 0; flips--) sample.data[(size_t)rand() % sample.length] = (uint8_t)rand();
    // Whatever it says: nothing beyond the payload is read or written, which the sanitizers watch.
    decodes(type, sample.data, sample.length);
    test.checks++;
  }
}

static void test_random(void) {
  uint8_t data[256];
  srand(2);
  for (unsigned round = 0; round < 20000; round++) {
    size_t length = (size_t)rand() % sizeof data;
    for (size_t i = 0; i < length; i++) data[i] = (uint8_t)(rand() % 8 == 0 ? rand() : 0);
    decodes(request_types[round % 4], data, length);
    test.checks++;
  }
}

static void test_counts(void) {
  auto_buffer struct buffer huge = {0};
  put_u32(&huge, 1);
  put_u32(&huge, 0xffffffff);
  CHECK(!decodes(MESSAGE_OBSERVE, huge.data, huge.length));
  huge.length = 4;
  put_u32(&huge, 7);
  put_u32(&huge, 0x7fffffff);
  CHECK(!decodes(MESSAGE_APPLY, huge.data, huge.length));
  huge.length = 4;
  put_u32(&huge, 0xfffffff0);
  put_raw(&huge, "/x", 2);
  CHECK(!decodes(MESSAGE_OPEN_TREE, huge.data, huge.length));
}

static void test_nul(void) {
  auto_buffer struct buffer out = {0};
  put_u32(&out, 1);
  put_bytes(&out, "/a\0b", 4);
  put_u8(&out, 0);
  put_u32(&out, 0);
  CHECK(!decodes(MESSAGE_OPEN_TREE, out.data, out.length));
}

static void test_strings(void) {
  auto_buffer struct buffer out = {0};
  struct cursor cursor;
  put_str(&out, "");
  put_str(&out, "a");
  put_str(&out, "longer than that");
  put_u8(&out, 9);
  cursor = (struct cursor){.at = out.data, .left = out.length};
  const char *empty = get_string(&cursor), *one = get_string(&cursor), *longer = get_string(&cursor);
  CHECK_TEXT(empty, "");
  CHECK_TEXT(one, "a");
  CHECK_TEXT(longer, "longer than that");
  CHECK_EQUAL(get_u8(&cursor), 9);
  CHECK(!cursor.is_broken && cursor.left == 0);
}

void codec_tests(void) {
  test_run("a request that is cut anywhere, or has a byte too many, is refused whole", test_cut);
  test_run("a damaged request is decoded or refused within its bounds", test_damaged);
  test_run("random bytes are decoded or refused within their bounds", test_random);
  test_run("a count or length is checked before anything is allocated for it", test_counts);
  test_run("a string with NUL never reaches the kernel", test_nul);
  test_run("strings get their NUL in the frame itself, without harm to their neighbours", test_strings);
}
