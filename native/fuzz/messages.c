// Fuzzes the decoders of requests and of what worker and agent hand on: what was decoded is encoded as it came.
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../test/twin.h"
#include "channel.h"
#include "cleanup.h"
#include "fuzz.h"
#include "upload.h"

// Decodes a copy of just these bytes, so that a sanitizer sees every read beyond, and encodes it again. False where it
// was refused.
static bool again(uint8_t type, const uint8_t *data, size_t size, struct buffer *out) {
  // Four bytes of a frame's head are there before its first str in any case.
  auto_free uint8_t *copy = malloc(size + 4);
  memcpy(copy + 4, data, size);
  struct cursor cursor = {.at = copy + 4, .left = size};
  if (type == MESSAGE_OPEN_TREE) {
    struct open_tree request = {0};
    decode_open_tree(&cursor, &request);
    if (!cursor.is_broken) put_open_tree(out, &request);
  } else if (type == MESSAGE_OBSERVE) {
    struct observe request = {0};
    decode_observe(&cursor, &request);
    if (!cursor.is_broken) put_observe(out, &request);
    observe_clear(&request);
  } else if (type == MESSAGE_APPLY) {
    struct apply request = {0};
    decode_apply(&cursor, &request);
    if (!cursor.is_broken) put_apply(out, &request);
    apply_clear(&request);
  } else {
    struct exec_spec spec = {0};
    uint32_t tree;
    decode_exec(&cursor, &tree, &spec);
    if (!cursor.is_broken) put_u32(out, tree), put_exec(out, &spec);
    exec_clear(&spec);
  }
  return !cursor.is_broken;
}

// Only defaults are filled in, and they have the same length: once encoded, it stays as it is.
static void check_codec(uint8_t type, const uint8_t *data, size_t size) {
  auto_buffer struct buffer first = {0}, second = {0};
  if (!again(type, data, size, &first)) return;
  MUST(first.length == size, "%zu bytes were encoded as %zu", size, first.length);
  MUST(again(type, first.data, first.length, &second), "what was encoded again cannot be decoded");
  MUST(second.length == size && memcmp(first.data, second.data, size) == 0, "it changes each time");
  bool has_process = type == MESSAGE_EXEC || type == MESSAGE_APPLY || type == MESSAGE_OBSERVE;
  MUST(has_process || memcmp(first.data, data, size) == 0, "other bytes came out");
}

static bool is_same_text(const char *a, const char *b) {
  return strcmp(a, b) == 0;
}

// A spec on its way to the agent, in a descriptor.
static void check_spec(const uint8_t *data, size_t size) {
  auto_free uint8_t *copy = malloc(size + 4);
  memcpy(copy + 4, data, size);
  struct cursor cursor = {.at = copy + 4, .left = size};
  struct exec_spec spec = {0};
  struct unpacked_spec unpacked;
  struct err err;
  uint32_t tree;
  auto_close int fd = -1;
  decode_exec(&cursor, &tree, &spec);
  for (size_t i = 0; i < spec.file_count; i++) {
    // The worker has mapped blobs before.
    if (spec.files[i].content.kind != 0) spec.files[i].content.bytes = (struct bytes){(const uint8_t *)"", 0};
  }
  bool is_packed = !cursor.is_broken && spec_pack(&spec, &fd, &err) == 0;
  // Devices are looked up on the host.
  MUST(is_packed || cursor.is_broken || spec.device_count > 0, "pack: %s", err.step);
  if (is_packed) {
    MUST(spec_unpack(fd, &unpacked, &err) == 0, "unpack: %s", err.step);
    const struct exec_spec *other = &unpacked.spec;
    size_t i = 0;
    for (; spec.argv[i] != NULL; i++) MUST(is_same_text(spec.argv[i], other->argv[i]), "argv[%zu]", i);
    MUST(other->argv[i] == NULL, "argv is longer");
    for (i = 0; spec.environment[i] != NULL; i++)
      MUST(is_same_text(spec.environment[i], other->environment[i]), "environment[%zu]", i);
    MUST(other->environment[i] == NULL, "the environment is longer");
    MUST(is_same_text(spec.directory, other->directory) && is_same_text(spec.user, other->user), "directory, user");
    MUST(spec.flags == other->flags && spec.timeout_ms == other->timeout_ms && spec.rows == other->rows &&
             spec.columns == other->columns && spec.umask == other->umask && spec.stdin_kind == other->stdin_kind &&
             spec.file_count == other->file_count && spec.device_count == other->device_count &&
             spec.capabilities == other->capabilities && spec.calls == other->calls,
         "numbers");
    for (i = 0; i < spec.file_count; i++) {
      const struct exec_file *a = &spec.files[i], *b = &other->files[i];
      MUST(is_same_text(a->name, b->name) && a->mode == b->mode && a->content.bytes.length == b->content.bytes.length &&
               memcmp(a->content.bytes.data, b->content.bytes.data, a->content.bytes.length) == 0,
           "file %zu", i);
    }
    for (i = 0; i < spec.device_count; i++) MUST(is_same_text(spec.devices[i].path, other->devices[i].path), "device");
    spec_forget(&unpacked);
  }
  exec_clear(&spec);
}

// The agent trusts nothing of what it is handed.
static void check_unpack(const uint8_t *data, size_t size) {
  struct unpacked_spec unpacked;
  struct err err;
  auto_close int fd = memfd_create("fuzz", MFD_CLOEXEC);
  MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size, "memfd");
  if (spec_unpack(fd, &unpacked, &err) != 0) return;
  const struct exec_spec *spec = &unpacked.spec;
  size_t sum = strlen(spec->directory) + strlen(spec->user);
  MUST(spec->argv[0] != NULL, "a process without a program");
  for (size_t i = 0; spec->argv[i] != NULL; i++) sum += strlen(spec->argv[i]);
  for (size_t i = 0; spec->environment[i] != NULL; i++) sum += strlen(spec->environment[i]);
  for (size_t i = 0; i < spec->device_count; i++) sum += strlen(spec->devices[i].path);
  for (size_t i = 0; i < spec->file_count; i++) {
    sum += strlen(spec->files[i].name) + spec->files[i].content.bytes.length;
    for (size_t j = 0; j < spec->files[i].content.bytes.length; j++) sum += spec->files[i].content.bytes.data[j] & 0u;
  }
  MUST(sum <= size, "%zu bytes came out of %zu", sum, size);
  spec_forget(&unpacked);
}

static unsigned count_open(void) {
  unsigned count = 0;
  for (int fd = 0; fd < 64; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

// A message with more descriptors, or bytes, than there is room for: it is refused, and none of them stays open.
static void check_received(struct feed feed) {
  static const int yes = 1;
  int sockets[2], sent[CHANNEL_FDS_MAX], received[CHANNEL_FDS_MAX];
  unsigned before = count_open();
  size_t count = feed_below(&feed, CHANNEL_FDS_MAX + 1), taken = 0;
  bool takes_descriptors = feed_below(&feed, 2) != 0;
  size_t capacity = feed_u16(&feed) % sizeof(struct channel_message) + 1;
  struct bytes data = feed_rest(&feed);
  struct channel_message message;
  pid_t sender = 0;
  MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0, "socketpair");
  if (capacity & 1) setsockopt(sockets[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
  for (size_t i = 0; i < count; i++) sent[i] = STDERR_FILENO;
  if (data.length > 0 && channel_send(sockets[0], data.data, data.length, sent, count) == 0) {
    ssize_t got = channel_receive(sockets[1], &message, capacity, takes_descriptors ? received : NULL,
                                  takes_descriptors ? &taken : NULL, &sender, 0);
    MUST(got <= (ssize_t)capacity, "%zd bytes where %zu have room", got, capacity);
    MUST(got < 0 || (size_t)got == data.length, "%zd of %zu bytes", got, data.length);
    MUST(got >= 0 || taken == 0, "descriptors of a message that was refused");
    MUST(got < 0 || (capacity & 1) == 0 || sender == getpid(), "sent by %d", (int)sender);
    for (size_t i = 0; i < taken; i++) close(received[i]);
  }
  close(sockets[0]);
  close(sockets[1]);
  MUST(count_open() == before, "a descriptor is left open");
}

// Every blob is what its digest says, whatever came after it.
static void check_stored(const struct blob_store *store) {
  for (size_t i = 0; i < store->count; i++) {
    struct bytes mapped;
    struct hash hash;
    struct err err;
    uint8_t digest[HASH_SIZE_MAX];
    MUST(blob_map(store, store->items[i].sha256, &mapped, &err) == 0, "%s", err.message);
    MUST(mapped.length == store->items[i].size, "%zu bytes", mapped.length);
    hash_start(&hash, HASH_SHA256);
    hash_add(&hash, mapped.data, mapped.length);
    hash_end(&hash, digest);
    MUST(memcmp(digest, store->items[i].sha256, 32) == 0, "a blob is not what its digest says");
    blob_unmap(&mapped);
  }
}

// Chunks of blobs, some of them as they should be.
static void check_upload(struct feed feed) {
  struct blob_store store = BLOB_STORE_EMPTY;
  struct upload *uploads = NULL;
  store.fd = memfd_create("fuzz-blobs", MFD_CLOEXEC);
  MUST(store.fd >= 0, "memfd");
  for (unsigned count = 0; count < 32 && feed.left > 0; count++) {
    auto_buffer struct buffer payload = {0};
    struct bytes data;
    struct blob blob;
    struct err err;
    uint8_t choice = feed_u8(&feed), channel = feed_below(&feed, 3);
    if (choice & 1) {
      data = feed_bytes(&feed, feed_u8(&feed));
      put_raw(&payload, data.data, data.length);
    } else {
      struct hash hash;
      uint8_t digest[HASH_SIZE_MAX];
      uint8_t cut = feed_u8(&feed);
      data = feed_bytes(&feed, feed_below(&feed, 64));
      size_t part = data.length == 0 ? 0 : cut % (data.length + 1), from = choice & 2 ? part : 0;
      hash_start(&hash, HASH_SHA256);
      hash_add(&hash, data.data, data.length);
      hash_end(&hash, digest);
      put_raw(&payload, digest, 32);
      put_u64(&payload, choice & 4 ? UINT64_MAX - cut : choice & 8 ? (uint64_t)1 << (cut % 64) : data.length);
      put_u64(&payload, from);
      put_bytes(&payload, data.data + from, choice & 2 ? data.length - from : part);
    }
    struct cursor cursor = {.at = payload.data, .left = payload.length};
    enum upload_result result = upload_chunk(&uploads, &store, channel, &cursor, &blob, &err);
    if (result == UPLOAD_STORED) check_stored(&store);
  }
  uploads_free(&uploads);
  blob_store_close(&store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t types[] = {MESSAGE_OPEN_TREE, MESSAGE_OBSERVE, MESSAGE_APPLY, MESSAGE_EXEC};
  struct feed feed = {data, size};
  uint8_t choice = feed_below(&feed, 8);
  if (choice < 4) check_codec(types[choice], feed.at, feed.left);
  if (choice == 4) check_spec(feed.at, feed.left);
  if (choice == 5) check_unpack(feed.at, feed.left);
  if (choice == 6) check_upload(feed);
  if (choice == 7) check_received(feed);
  return 0;
}
