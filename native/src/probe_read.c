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
// Most that is held in memory to be searched for needles.
#define SEARCH_MAX (256u * 1024u * 1024u)

enum content_kind { CONTENT_NONE = 0, CONTENT_BYTES = 1, CONTENT_PIECES = 2, CONTENT_TOO_LARGE = 3 };

static const uint8_t no_sha256[32];

struct reading {
  struct tree *tree;
  const struct probe *probe;
  const struct task *task;
  int fd;
  uint64_t size;       // as it was found
  struct buffer *out;  // the item: sha256, kind and content go to its end
  size_t start;
};

static ssize_t read_some(struct reading *reading, uint8_t *to, size_t size, struct err *err) {
  ssize_t got;
  do got = read(reading->fd, to, size);
  while (got < 0 && errno == EINTR);
  beat_step(reading->tree->beat);
  return got < 0 ? err_system(err, errno, "read", reading->probe->path) : got;
}

// Whatever was put so far gives way to the end of an item: the digest and a kind of content, whose bytes follow.
static void put_kind(struct reading *reading, const uint8_t *sha256, enum content_kind kind) {
  reading->out->length = reading->start;
  put_raw(reading->out, sha256, 32);
  put_u8(reading->out, (uint8_t)kind);
}

// 1. Small files: read to where they belong, in one call where the size was right. (A file of procfs has size 0 and
// content all the same.)
static int read_small(struct reading *reading, bool *has_grown, struct err *err) {
  struct buffer *out = reading->out;
  struct hash hash;
  uint8_t sha256[32];
  size_t ask = reading->size == 0 ? 4096 : (size_t)reading->size + 1, content, length;
  put_kind(reading, no_sha256, CONTENT_BYTES);
  put_u32(out, 0);
  content = out->length;
  for (;;) {
    ssize_t got = read_some(reading, buffer_reserve(out, ask), ask, err);
    if (got < 0) return -1;
    out->length += (size_t)got;
    length = out->length - content;
    if (got == 0 || (length == reading->size && (size_t)got < ask)) break;
    *has_grown = length > INLINE_MAX || length > reading->probe->limit;
    if (*has_grown) return 0;
  }
  hash_start(&hash, HASH_SHA256);
  hash_add(&hash, out->data + content, length);
  hash_end(&hash, sha256);
  if (reading->probe->unless != NULL && memcmp(sha256, reading->probe->unless, 32) == 0) {
    put_kind(reading, sha256, CONTENT_NONE);
  } else if (length > reading->probe->limit) {
    put_kind(reading, no_sha256, CONTENT_TOO_LARGE);
  } else {
    memcpy(out->data + reading->start, sha256, 32);
    set_u32(out, content - 4, (uint32_t)length);
  }
  return 0;
}

// 2. Large files go out piece by piece, and are hashed on the way.
static int read_pieces(struct reading *reading, struct err *err) {
  struct hash hash;
  uint8_t sha256[32], *data = buffer_reserve(&reading->tree->scratch, SCRATCH_SIZE);
  uint64_t length = 0;
  if (lseek(reading->fd, 0, SEEK_SET) < 0) return err_system(err, errno, "lseek", reading->probe->path);
  hash_start(&hash, HASH_SHA256);
  for (;;) {
    ssize_t got = read_some(reading, data, SCRATCH_SIZE, err);
    if (got < 0) return -1;
    if (got == 0) break;
    length += (uint64_t)got;
    if (length > reading->probe->limit) {
      put_kind(reading, no_sha256, CONTENT_TOO_LARGE);
      return 0;
    }
    hash_add(&hash, data, (size_t)got);
    reply_content(reading->tree->port, reading->task->channel, reading->task->index, data, (size_t)got);
  }
  hash_end(&hash, sha256);
  put_kind(reading, sha256, CONTENT_PIECES);
  put_u64(reading->out, length);
  return 0;
}

// 3. The same content as the controller has already is not sent.
static int read_unless(struct reading *reading, struct err *err) {
  struct digests digests;
  bool is_known;
  if (hash_file(reading->tree, reading->fd, HASH_SHA256, reading->probe->path, &digests, err) != 0) return -1;
  is_known = memcmp(digests.values[0], reading->probe->unless, 32) == 0;
  if (!is_known && reading->size <= reading->probe->limit) return read_pieces(reading, err);
  put_kind(reading, digests.values[0], is_known ? CONTENT_NONE : CONTENT_TOO_LARGE);
  return 0;
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
  auto_buffer struct buffer found = {0};
  uint64_t limit = reading->probe->limit < SEARCH_MAX ? reading->probe->limit : SEARCH_MAX;
  put_u8(&text, '\n');
  for (;;) {
    size_t ask = text.length == 1 ? (size_t)reading->size + 4096 : SCRATCH_SIZE;
    ssize_t got = read_some(reading, buffer_reserve(&text, ask), ask, err);
    if (got < 0) return -1;
    if (got == 0) break;
    text.length += (size_t)got;
    if (text.length - 1 > limit) {
      put_kind(reading, no_sha256, CONTENT_TOO_LARGE);
      return 0;
    }
  }
  if (text.data[text.length - 1] != '\n') put_u8(&text, '\n');
  pick_paragraphs(&reading->probe->needles, &text, &found);
  if (found.length > INLINE_MAX) {
    reply_content(reading->tree->port, reading->task->channel, reading->task->index, found.data, found.length);
    put_kind(reading, no_sha256, CONTENT_PIECES);
    put_u64(reading->out, found.length);
  } else {
    put_kind(reading, no_sha256, CONTENT_BYTES);
    put_bytes(reading->out, found.data, found.length);
  }
  return 0;
}

static int read_content(struct reading *reading, struct err *err) {
  bool has_unless = reading->probe->unless != NULL && reading->probe->needles.count == 0, has_grown = false;
  if (has_unless && reading->size > INLINE_MAX) return read_unless(reading, err);
  if (!has_unless && reading->size > reading->probe->limit) {
    put_kind(reading, no_sha256, CONTENT_TOO_LARGE);
    return 0;
  }
  if (reading->probe->needles.count > 0) return read_needles(reading, err);
  if (reading->size > INLINE_MAX) return read_pieces(reading, err);
  if (read_small(reading, &has_grown, err) != 0) return -1;
  return has_grown ? read_pieces(reading, err) : 0;
}

int probe_read(struct tree *tree, const struct probe *probe, const struct task *task, struct buffer *out,
               struct err *err) {
  const struct root *root = tree_root(tree, probe->at_host);
  auto_place struct place place = PLACE_NONE;
  auto_close int fd = -1;
  struct reading reading = {.tree = tree, .probe = probe, .task = task, .out = out};
  if (place_find(root, probe->path, probe->flags & PROBE_FOLLOW ? PLACE_FOLLOW : 0, &place, err) != 0) return -1;
  if (put_place(tree, root, probe->path, &place, false, out, err) != 0) return -1;
  reading.start = out->length;
  if (place.fd < 0 || !S_ISREG(place.stat.st_mode)) {
    put_kind(&reading, no_sha256, CONTENT_NONE);
    return 0;
  }
  fd = place_open(root, &place, O_RDONLY, probe->path, err);
  if (fd < 0) return -1;
  reading.fd = fd;
  reading.size = (uint64_t)place.stat.st_size;
  return read_content(&reading, err);
}
