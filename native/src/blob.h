// Content that the controller sent once for many trees, by its SHA-256.
#ifndef CRUN_BLOB_H
#define CRUN_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "error.h"

// All blobs lie in one file without a name, which the workers inherit: nothing is left of it when the last process
// ends. The router writes it and tells the workers where a blob lies.
struct blob {
  uint8_t sha256[32];
  uint64_t offset;
  uint64_t size;
};

struct blob_store {
  int fd;  // -1 until the first blob comes
  uint64_t end;
  struct blob *items;
  size_t count;
  size_t capacity;
};

#define BLOB_STORE_EMPTY ((struct blob_store){.fd = -1})
int blob_store_open(struct blob_store *store, struct err *err);
void blob_store_close(struct blob_store *store);
const struct blob *blob_find(const struct blob_store *store, const uint8_t sha256[32]);
void blob_add(struct blob_store *store, const struct blob *blob);
// A place for a blob of that size; mappable.
uint64_t blob_reserve(struct blob_store *store, uint64_t size);

// A blob's bytes, mapped. Give it back with blob_unmap.
int blob_map(const struct blob_store *store, const uint8_t sha256[32], struct bytes *out, struct err *err);
void blob_unmap(struct bytes *bytes);

#endif
