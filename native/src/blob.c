// Keeps the blobs in one file without a name.
#include "blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fatal.h"

// Largest page of the architectures that there are.
#define ALIGNMENT 65536u

int blob_store_open(struct blob_store *store, struct err *err) {
  // On disk before in memory: a host with little memory may be sent an image.
  static const char *const directories[] = {"/var/tmp", "/tmp", "/dev/shm"};
  for (size_t i = 0; i < sizeof directories / sizeof *directories && store->fd < 0; i++) {
    store->fd = open(directories[i], O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
  }
  if (store->fd < 0) store->fd = memfd_create("crun-blobs", MFD_CLOEXEC);
  return store->fd >= 0 ? 0 : err_system(err, errno, "open", "/var/tmp");
}

void blob_store_close(struct blob_store *store) {
  if (store->fd >= 0) close(store->fd);
  free(store->items);
  *store = BLOB_STORE_EMPTY;
}

const struct blob *blob_find(const struct blob_store *store, const uint8_t sha256[32]) {
  for (size_t i = 0; i < store->count; i++) {
    if (memcmp(store->items[i].sha256, sha256, 32) == 0) return &store->items[i];
  }
  return NULL;
}

void blob_add(struct blob_store *store, const struct blob *blob) {
  if (store->count == store->capacity) {
    size_t capacity = store->capacity == 0 ? 16 : store->capacity * 2;
    struct blob *items = realloc(store->items, capacity * sizeof *items);
    if (items == NULL) fatal("no memory");
    store->items = items;
    store->capacity = capacity;
  }
  store->items[store->count++] = *blob;
}

uint64_t blob_reserve(struct blob_store *store, uint64_t size) {
  uint64_t offset = store->end;
  store->end += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return offset;
}

int blob_map(const struct blob_store *store, const uint8_t sha256[32], struct bytes *out, struct err *err) {
  const struct blob *blob = blob_find(store, sha256);
  void *data;
  *out = (struct bytes){(const uint8_t *)"", 0};
  if (blob == NULL) return err_fail(err, FAILURE_BAD_REQUEST, "blob", "", "No blob with this digest was sent before.");
  if (blob->size == 0) return 0;
  data = mmap(NULL, (size_t)blob->size, PROT_READ, MAP_PRIVATE, store->fd, (off_t)blob->offset);
  if (data == MAP_FAILED) return err_system(err, errno, "mmap", "");
  *out = (struct bytes){data, (size_t)blob->size};
  return 0;
}

void blob_unmap(struct bytes *bytes) {
  if (bytes->length > 0) munmap((void *)(uintptr_t)bytes->data, bytes->length);
  *bytes = (struct bytes){(const uint8_t *)"", 0};
}
