// Reads a regular file's content: READ.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "hash.h"
#include "tree.h"

// Up to here content lies in its item; beyond, it comes in pieces before.
#define INLINE_MAX (256u * 1024u)
#define PIECE (256u * 1024u)
// Most that is held in memory to be searched for needles.
#define SEARCH_MAX (256u * 1024u * 1024u)

enum content_kind { CONTENT_NONE = 0, CONTENT_BYTES = 1, CONTENT_PIECES = 2, CONTENT_TOO_LARGE = 3 };

static const uint8_t no_sha256[32];

struct reading {
  struct tree *tree;
  const struct probe *probe;
  const struct task *task;
  int fd;
  uint64_t size; // as it was found
  uint8_t sha256[32];
  struct buffer content; // what goes into the item
  uint64_t pieces;       // bytes that went as CONTENT
  enum content_kind kind;
};

static void cleanup_reading(struct reading *reading) {
  cleanup_close(&reading->fd);
  buffer_free(&reading->content);
}

static ssize_t read_some(struct reading *reading, uint8_t *to, size_t size, struct err *err) {
  ssize_t got;
  do got = read(reading->fd, to, size);
  while (got < 0 && errno == EINTR);
  beat_step(reading->tree->beat);
  return got < 0 ? err_system(err, errno, "read", reading->probe->path) : got;
}

// 1. Small files: one read where the size was right. A file of procfs has size 0 and content all the same.
static int read_small(struct reading *reading, struct err *err) {
  struct hash hash;
  size_t ask = (size_t)reading->size + 1 < 4096 ? 4096 : (size_t)reading->size + 1;
  for (;;) {
    ssize_t got = read_some(reading, buffer_reserve(&reading->content, ask), ask, err);
    if (got < 0) return -1;
    reading->content.length += (size_t)got;
    if (got == 0 || (reading->size > 0 && reading->content.length == reading->size && (size_t)got < ask)) break;
    if (reading->content.length > reading->probe->limit) {
      reading->kind = CONTENT_TOO_LARGE;
      return 0;
    }
    if (reading->content.length > INLINE_MAX) return 1;
  }
  if (reading->content.length > reading->probe->limit) {
    reading->kind = CONTENT_TOO_LARGE;
    return 0;
  }
  hash_start(&hash, HASH_SHA256);
  hash_add(&hash, reading->content.data, reading->content.length);
  hash_end(&hash, reading->sha256);
  reading->kind = CONTENT_BYTES;
  return 0;
}

// 2. Large files go out piece by piece, and are hashed on the way.
static int read_pieces(struct reading *reading, struct err *err) {
  struct hash hash;
  if (lseek(reading->fd, 0, SEEK_SET) < 0) return err_system(err, errno, "lseek", reading->probe->path);
  hash_start(&hash, HASH_SHA256);
  reading->content.length = 0;
  for (;;) {
    uint8_t *data = buffer_reserve(&reading->content, PIECE);
    ssize_t got = read_some(reading, data, PIECE, err);
    if (got < 0) return -1;
    if (got == 0) break;
    reading->pieces += (uint64_t)got;
    if (reading->pieces > reading->probe->limit) {
      reading->kind = CONTENT_TOO_LARGE;
      return 0;
    }
    hash_add(&hash, data, (size_t)got);
    reply_content(reading->tree->port, reading->task->channel, reading->task->index, data, (size_t)got);
  }
  hash_end(&hash, reading->sha256);
  reading->kind = CONTENT_PIECES;
  return 0;
}

// 3. The same content as the controller has already is not sent.
static int read_unless(struct reading *reading, struct err *err) {
  struct digests digests;
  if (hash_file(reading->tree, reading->fd, HASH_SHA256, reading->probe->path, &digests, err) != 0) return -1;
  memcpy(reading->sha256, digests.values[0], 32);
  if (memcmp(reading->sha256, reading->probe->unless, 32) == 0) return 0;
  if (reading->size > reading->probe->limit) {
    reading->kind = CONTENT_TOO_LARGE;
    return 0;
  }
  return read_pieces(reading, err);
}

// 4. Paragraphs that hold a needle. A newline counts as standing before and after each.
static bool holds_needle(const struct bytes_list *needles, const uint8_t *data, size_t length) {
  for (size_t i = 0; i < needles->count; i++) {
    if (memmem(data, length, needles->items[i].data, needles->items[i].length) != NULL) return true;
  }
  return false;
}

static void pick_paragraphs(const struct bytes_list *needles, const struct buffer *text, struct buffer *out) {
  const uint8_t *data = text->data;
  size_t length = text->length;
  for (size_t at = 0; at < length;) {
    size_t start, end;
    const uint8_t *gap;
    while (at < length && data[at] == '\n') at++;
    start = at;
    if (start >= length) break;
    gap = memmem(data + start, length - start, "\n\n", 2);
    end = gap == NULL ? length : (size_t)(gap - data);
    // The text begins with a newline that was put before the file, and ends with one.
    if (holds_needle(needles, data + start - 1, (end < length ? end + 1 : end) - start + 1)) {
      size_t stop = end == length && data[length - 1] == '\n' ? length - 1 : end;
      put_raw(out, data + start, stop - start);
      put_raw(out, "\n\n", 2);
    }
    at = end;
  }
}

static int read_needles(struct reading *reading, struct err *err) {
  auto_buffer struct buffer text = {0};
  uint64_t limit = reading->probe->limit < SEARCH_MAX ? reading->probe->limit : SEARCH_MAX;
  put_u8(&text, '\n');
  for (;;) {
    size_t ask = text.length == 1 ? (size_t)reading->size + 4096 : PIECE;
    ssize_t got = read_some(reading, buffer_reserve(&text, ask), ask, err);
    if (got < 0) return -1;
    if (got == 0) break;
    text.length += (size_t)got;
    if (text.length - 1 > limit) {
      reading->kind = CONTENT_TOO_LARGE;
      return 0;
    }
  }
  if (text.data[text.length - 1] != '\n') put_u8(&text, '\n');
  pick_paragraphs(&reading->probe->needles, &text, &reading->content);
  reading->kind = CONTENT_BYTES;
  if (reading->content.length > INLINE_MAX) {
    reading->kind = CONTENT_PIECES;
    reading->pieces = reading->content.length;
    reply_content(reading->tree->port, reading->task->channel, reading->task->index, reading->content.data, reading->content.length);
  }
  return 0;
}

static int read_content(struct reading *reading, struct err *err) {
  int result;
  if (reading->probe->unless != NULL && reading->probe->needles.count == 0) {
    if (reading->size > INLINE_MAX) return read_unless(reading, err);
  } else if (reading->size > reading->probe->limit) {
    reading->kind = CONTENT_TOO_LARGE;
    return 0;
  }
  if (reading->probe->needles.count > 0) return read_needles(reading, err);
  if (reading->size > INLINE_MAX) return read_pieces(reading, err);
  result = read_small(reading, err);
  // It grew meanwhile.
  if (result == 1) return read_pieces(reading, err);
  if (reading->probe->unless != NULL && memcmp(reading->sha256, reading->probe->unless, 32) == 0) reading->kind = CONTENT_NONE;
  return result;
}

int probe_read(struct tree *tree, const struct probe *probe, const struct task *task, struct buffer *out, struct err *err) {
  const struct root *root = tree_root(tree, probe->at_host);
  auto_place struct place place = PLACE_NONE;
  __attribute__((cleanup(cleanup_reading))) struct reading reading = {.tree = tree, .probe = probe, .task = task, .fd = -1};
  if (place_find(root, probe->path, probe->flags & PROBE_FOLLOW ? PLACE_FOLLOW : 0, &place, err) != 0) return -1;
  if (put_place(tree, root, probe->path, &place, false, out, err) != 0) return -1;
  if (place.fd >= 0 && S_ISREG(place.stat.st_mode)) {
    reading.fd = place_open(root, &place, O_RDONLY, probe->path, err);
    reading.size = (uint64_t)place.stat.st_size;
    if (reading.fd < 0 || read_content(&reading, err) != 0) return -1;
  }
  put_raw(out, probe->needles.count > 0 ? no_sha256 : reading.sha256, 32);
  put_u8(out, (uint8_t)reading.kind);
  if (reading.kind == CONTENT_BYTES) put_bytes(out, reading.content.data, reading.content.length);
  if (reading.kind == CONTENT_PIECES) put_u64(out, reading.pieces);
  return 0;
}
