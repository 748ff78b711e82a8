// Takes in the blobs that the controller sends, chunk by chunk, and checks that they are what their digest says.
#include "upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec.h"

// No store gets as large. What is announced beyond gets no place, since sums of such sizes wrap around into the place of
// others.
#define STORE_MAX ((uint64_t)INT64_MAX / 4)

static struct upload *find_or_begin(struct upload **uploads, struct blob_store *store, uint32_t channel,
                                    const uint8_t *sha256, uint64_t size, uint64_t offset) {
  struct upload *upload;
  for (upload = *uploads; upload != NULL; upload = upload->next) {
    if (upload->channel == channel) {
      bool is_next =
          upload->received == offset && upload->blob.size == size && memcmp(upload->blob.sha256, sha256, 32) == 0;
      return is_next ? upload : NULL;
    }
  }
  if (offset != 0) return NULL;
  upload = allocate(1, sizeof *upload);
  upload->channel = channel;
  memcpy(upload->blob.sha256, sha256, 32);
  upload->blob.size = size;
  upload->is_dropped = blob_find(store, sha256) != NULL;
  upload->blob.offset = UINT64_MAX;
  if (!upload->is_dropped && size <= STORE_MAX && store->end <= STORE_MAX)
    upload->blob.offset = blob_reserve(store, size);
  hash_start(&upload->hash, HASH_SHA256);
  upload->next = *uploads;
  *uploads = upload;
  return upload;
}

static void forget(struct upload **uploads, const struct upload *upload) {
  for (struct upload **slot = uploads; *slot != NULL; slot = &(*slot)->next) {
    if (*slot != upload) continue;
    struct upload *gone = *slot;
    *slot = gone->next;
    free(gone);
    return;
  }
}

void uploads_free(struct upload **uploads) {
  while (*uploads != NULL) forget(uploads, *uploads);
}

static int store_bytes(const struct blob_store *store, const struct upload *upload, const struct bytes *data,
                       struct err *err) {
  size_t done = 0;
  if (upload->blob.offset > STORE_MAX) return err_system(err, EFBIG, "write", "");
  while (done < data->length) {
    ssize_t written = pwrite(store->fd, data->data + done, data->length - done,
                             (off_t)(upload->blob.offset + upload->received + done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      return err_fail_errno(err, FAILURE_SYSTEM, errno, "write", "", "The content could not be kept on the host.");
    done += (size_t)written;
  }
  return 0;
}

enum upload_result upload_chunk(struct upload **uploads, struct blob_store *store, uint32_t channel,
                                struct cursor *cursor, struct blob *blob, struct err *err) {
  const uint8_t *sha256 = get_raw(cursor, 32);
  uint64_t size = get_u64(cursor), offset = get_u64(cursor);
  struct bytes data = get_bytes(cursor);
  struct upload *upload;
  enum upload_result result = UPLOAD_MORE;
  uint8_t digest[HASH_SIZE_MAX];
  finish(cursor);
  if (cursor->is_broken || data.length > CHUNK_MAX || offset > size || data.length > size - offset)
    return UPLOAD_BROKEN;
  if (data.length == 0 && size > 0) return UPLOAD_BROKEN;
  upload = find_or_begin(uploads, store, channel, sha256, size, offset);
  if (upload == NULL) return UPLOAD_BROKEN;
  if (!upload->is_dropped) {
    if (store_bytes(store, upload, &data, err) != 0) {
      upload->is_dropped = upload->has_failed = true;
      result = UPLOAD_FAILED;
    } else {
      hash_add(&upload->hash, data.data, data.length);
    }
  }
  upload->received += data.length;
  if (upload->received < size) return result;
  if (upload->is_dropped) {
    if (!upload->has_failed) result = UPLOAD_KNOWN;
  } else {
    hash_end(&upload->hash, digest);
    result = UPLOAD_STORED;
    if (memcmp(digest, sha256, 32) != 0) {
      err_fail(err, FAILURE_BAD_REQUEST, "blob", "",
               "The content that came does not have the digest that was announced.");
      result = UPLOAD_FAILED;
    }
  }
  *blob = upload->blob;
  if (result == UPLOAD_STORED) blob_add(store, blob);
  forget(uploads, upload);
  return result;
}
