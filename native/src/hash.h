// Message digests: MD5 (RFC 1321) and the SHA family (FIPS 180-4).
#ifndef CRUN_HASH_H
#define CRUN_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bits as in the protocol's `algorithms`.
enum hash_algorithm {
  HASH_MD5 = 1,
  HASH_SHA1 = 2,
  HASH_SHA224 = 4,
  HASH_SHA256 = 8,
  HASH_SHA384 = 16,
  HASH_SHA512 = 32
};

#define HASH_ALL 63u
// Not of the content: SHA-256 over the extended attributes.
#define HASH_XATTRS 64u
#define HASH_SIZE_MAX 64u

struct hash {
  enum hash_algorithm algorithm;
  uint64_t length;  // bytes so far
  union {
    uint32_t words32[8];
    uint64_t words64[8];
  } state;
  uint8_t block[128];
};

void hash_start(struct hash *hash, enum hash_algorithm algorithm);
void hash_add(struct hash *hash, const void *data, size_t length);
// Puts the digest (up to HASH_SIZE_MAX bytes, by its algorithm) and returns its size; the hash is used up.
size_t hash_end(struct hash *hash, uint8_t *digest);

// Compression functions: `count` blocks of 64 (SHA-512: 128) bytes. Used by hash.c alone.
void md5_blocks(uint32_t state[8], const uint8_t *data, size_t count);
void sha1_blocks(uint32_t state[8], const uint8_t *data, size_t count);
void sha256_blocks(uint32_t state[8], const uint8_t *data, size_t count);
void sha256_blocks_portable(uint32_t state[8], const uint8_t *data, size_t count);
bool sha256_has_fast(void);
void sha512_blocks(uint64_t state[8], const uint8_t *data, size_t count);

#endif
