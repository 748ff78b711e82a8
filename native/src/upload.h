// Takes in the blobs that the controller sends, chunk by chunk.
#ifndef CRUN_UPLOAD_H
#define CRUN_UPLOAD_H

#include "blob.h"
#include "buffer.h"
#include "hash.h"

struct upload {
  struct upload *next;
  uint32_t channel;
  struct blob blob;
  uint64_t received;
  struct hash hash;
  bool is_dropped;  // failed, or stored before: the rest is only counted
  bool has_failed;  // was answered
};

enum upload_result {
  UPLOAD_MORE,    // nothing to say yet
  UPLOAD_STORED,  // `blob` is new and must be told to the workers
  UPLOAD_KNOWN,   // it was there already
  UPLOAD_FAILED,  // `err` says why; told once
  UPLOAD_BROKEN,  // the payload cannot be decoded, or its chunks do not follow each other
};

enum upload_result upload_chunk(struct upload **uploads, struct blob_store *store, uint32_t channel,
                                struct cursor *cursor, struct blob *blob, struct err *err);
void uploads_free(struct upload **uploads);

#endif
