// The golden vectors that both codecs share: decoded and encoded again, they are the same bytes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "twin.h"

// The value of a string member in a line of JSON, as it is written (no escapes are undone). NULL: no such member.
static char *member(const char *line, const char *name) {
  char key[64];
  const char *start, *end;
  snprintf(key, sizeof key, "\"%s\":\"", name);
  start = strstr(line, key);
  if (start == NULL) return NULL;
  start += strlen(key);
  end = strchr(start, '"');
  return end == NULL ? NULL : strndup(start, (size_t)(end - start));
}

static void put_hex(struct buffer *out, const char *hex) {
  for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
    char pair[3] = {hex[0], hex[1], '\0'};
    put_u8(out, (uint8_t)strtoul(pair, NULL, 16));
  }
}

static void again_request(uint8_t type, struct cursor *cursor, struct buffer *out) {
  if (type == MESSAGE_OPEN_TREE) {
    struct open_tree request;
    decode_open_tree(cursor, &request);
    put_open_tree(out, &request);
  } else if (type == MESSAGE_OBSERVE) {
    struct observe request;
    decode_observe(cursor, &request);
    if (!cursor->is_broken) put_observe(out, &request);
    observe_clear(&request);
  } else if (type == MESSAGE_APPLY) {
    struct apply request;
    decode_apply(cursor, &request);
    if (!cursor->is_broken) put_apply(out, &request);
    apply_clear(&request);
  } else if (type == MESSAGE_EXEC) {
    struct exec_spec spec;
    uint32_t tree;
    decode_exec(cursor, &tree, &spec);
    put_u32(out, tree);
    if (!cursor->is_broken) put_exec(out, &spec);
    exec_clear(&spec);
  } else {
    // CLOSE_TREE, INPUT, RESIZE, SIGNAL, BLOB, CANCEL: a few plain fields, which their readers take one by one.
    put_raw(out, cursor->at, cursor->left);
    cursor->left = 0;
  }
}

static void again_failure(struct cursor *cursor, struct buffer *out) {
  struct err err = {.errno_ = (int32_t)get_u32(cursor), .code = get_u8(cursor)};
  snprintf(err.step, sizeof err.step, "%s", get_string(cursor));
  snprintf(err.path, sizeof err.path, "%s", get_string(cursor));
  snprintf(err.message, sizeof err.message, "%s", get_string(cursor));
  put_failure(out, &err);
}

static struct timespec again_time(struct cursor *cursor) {
  struct timespec time = {.tv_sec = (time_t)get_u64(cursor)};
  time.tv_nsec = (long)get_u32(cursor);
  return time;
}

static void again_node(struct cursor *cursor, struct buffer *out) {
  static const mode_t types[] = {0, S_IFREG, S_IFDIR, S_IFLNK, S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK};
  struct node_value node = {.type = get_u8(cursor)};
  if (node.type != TYPE_ABSENT) {
    node.stat.st_mode = get_u16(cursor) | types[node.type % 8];
    CHECK_EQUAL(stat_type_of(node.stat.st_mode), node.type);
    node.stat.st_uid = get_u32(cursor);
    node.stat.st_gid = get_u32(cursor);
    node.stat.st_nlink = get_u32(cursor);
    node.stat.st_size = (off_t)get_u64(cursor);
    node.stat.st_dev = get_u64(cursor);
    node.stat.st_ino = get_u64(cursor);
    node.stat.st_rdev = get_u64(cursor);
    node.stat.st_blocks = (blkcnt_t)get_u64(cursor);
    node.stat.st_blksize = (blksize_t)get_u32(cursor);
    node.stat.st_atim = again_time(cursor);
    node.stat.st_mtim = again_time(cursor);
    node.stat.st_ctim = again_time(cursor);
    node.target = get_bytes(cursor);
    node.flags = get_u32(cursor);
  }
  put_node(out, &node);
}

static void again_exit(struct cursor *cursor, struct buffer *out) {
  struct exit_value value = {.kind = get_u8(cursor), .value = get_u32(cursor)};
  value.failure.errno_ = (int32_t)get_u32(cursor);
  value.failure.code = get_u8(cursor);
  snprintf(value.failure.step, sizeof value.failure.step, "%s", get_string(cursor));
  snprintf(value.failure.path, sizeof value.failure.path, "%s", get_string(cursor));
  snprintf(value.failure.message, sizeof value.failure.message, "%s", get_string(cursor));
  value.wall_ms = get_u32(cursor);
  value.cpu_ms = get_u32(cursor);
  put_exit(out, &value);
}

// An Item of the kind of probe that the vector names, or an Outcome: `is_plain` has nothing after status 0.
static void again_result(const char *kind, struct cursor *cursor, struct buffer *out) {
  uint8_t status = get_u8(cursor);
  put_u8(out, status);
  if (status == 1) {
    again_failure(cursor, out);
  } else if (status == 0 && strcmp(kind, "exec") == 0) {
    again_exit(cursor, out);
  } else if (status == 0 && (strcmp(kind, "stat") == 0 || strcmp(kind, "read") == 0 || strcmp(kind, "hash") == 0 ||
                             strcmp(kind, "list") == 0)) {
    put_str(out, get_string(cursor));
    again_node(cursor, out);
  }
  // Content, digests, entries and the like.
  put_raw(out, cursor->at, cursor->left);
  cursor->left = 0;
}

static void again_reply(uint8_t type, const char *line, struct cursor *cursor, struct buffer *out) {
  if (type == MESSAGE_ERROR) {
    again_failure(cursor, out);
  } else if (type == MESSAGE_EXITED) {
    again_exit(cursor, out);
  } else if (type == MESSAGE_APPLIED) {
    char *kind = member(line, "change");
    put_u32(out, get_u32(cursor));
    again_result(kind == NULL ? "" : kind, cursor, out);
    free(kind);
  } else if (type == MESSAGE_OBSERVED && strstr(line, "\"probes\":[{") != NULL) {
    char *kind = member(strstr(line, "\"probes\":[{"), "kind");
    put_u8(out, get_u8(cursor));
    put_u32(out, get_u32(cursor));
    put_u32(out, get_u32(cursor));
    again_result(kind, cursor, out);
    free(kind);
  }
  put_raw(out, cursor->at, cursor->left);
  cursor->left = 0;
}

static void check_vector(const char *line) {
  char *name = member(line, "name"), *direction = member(line, "direction"), *hex = member(line, "hex");
  auto_buffer struct buffer frame = {0}, payload = {0}, again = {0};
  if (hex != NULL) put_hex(&frame, hex);
  if (CHECK(name != NULL && direction != NULL && frame.length >= 9)) {
    struct cursor cursor;
    size_t start;
    bool is_same;
    CHECK_EQUAL(read_u32(frame.data), frame.length - 4);
    put_raw(&payload, frame.data, frame.length);
    cursor = (struct cursor){.at = payload.data + 9, .left = payload.length - 9};
    start = frame_begin(&again, (enum message_type)frame.data[4], read_u32(frame.data + 5));
    if (strcmp(direction, "c2h") == 0) again_request(frame.data[4], &cursor, &again);
    else again_reply(frame.data[4], line, &cursor, &again);
    frame_end(&again, start);
    is_same = !cursor.is_broken && again.length == frame.length && memcmp(again.data, frame.data, frame.length) == 0;
    if (!CHECK(is_same)) printf("# vector: %s\n", name);
  }
  free(name);
  free(direction);
  free(hex);
}

static void test_vectors(void) {
  FILE *file = fopen(test.vectors, "r");
  char *line = NULL;
  size_t capacity = 0;
  unsigned vectors = 0;
  if (!CHECK(file != NULL)) return;
  while (getline(&line, &capacity, file) > 0) {
    if (strncmp(line, "{\"name\"", 7) != 0) continue;
    check_vector(line);
    vectors++;
  }
  CHECK(vectors > 50);
  free(line);
  fclose(file);
}

// A few fields of one vector, so that a codec that only hands bytes through would not pass.
static void test_fields(void) {
  FILE *file = fopen(test.vectors, "r");
  char *line = NULL;
  size_t capacity = 0;
  bool is_found = false;
  if (!CHECK(file != NULL)) return;
  while (getline(&line, &capacity, file) > 0) {
    if (strstr(line, "\"name\":\"observe everything\"") == NULL) continue;
    auto_buffer struct buffer frame = {0};
    char *hex = member(line, "hex");
    struct observe request;
    put_hex(&frame, hex);
    struct cursor cursor = {.at = frame.data + 9, .left = frame.length - 9};
    decode_observe(&cursor, &request);
    CHECK(!cursor.is_broken);
    CHECK_EQUAL(request.tree, 7);
    CHECK_EQUAL(request.count, 15);
    CHECK_TEXT(request.probes[12].host, "192.0.2.7");
    CHECK_EQUAL(request.probes[13].port, 65535);
    CHECK_EQUAL(request.probes[13].limit, 4096);
    CHECK_EQUAL(request.probes[14].since.tv_sec, -1);
    CHECK_EQUAL(request.probes[14].since.tv_nsec, 999999999);
    CHECK_TEXT(request.probes[0].path, "/etc/passwd");
    CHECK_TEXT(request.probes[1].path, "/srv/\x80\xfe/\xc3\xa9");
    CHECK(request.probes[1].at_host && request.probes[1].flags == 7);
    CHECK_EQUAL(request.probes[4].needles.count, 2);
    CHECK_EQUAL(request.probes[4].limit, 8589934592);
    CHECK_TEXT(request.probes[10].exec->argv[2], "echo \"$1\"");
    CHECK_TEXT(request.probes[10].exec->user, "www-data:adm");
    CHECK_EQUAL(request.probes[10].exec->files[0].mode, 0755);
    CHECK_EQUAL(request.probes[9].exec->output_limit, DEFAULT_OUTPUT_LIMIT);
    CHECK_EQUAL(request.probes[9].exec->umask, 022);
    observe_clear(&request);
    free(hex);
    is_found = true;
  }
  CHECK(is_found);
  free(line);
  fclose(file);
}

void vector_tests(void) {
  test_run("each golden vector comes out of the codec as it went in", test_vectors);
  test_run("the fields of a golden vector are what its message says", test_fields);
}
