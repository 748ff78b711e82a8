// Streams bytes through the compression functions: padding, lengths, initial values.
#include "hash.h"

#include <string.h>

static const uint32_t md5_start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
static const uint32_t sha1_start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
static const uint32_t sha224_start[8] = {0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939,
                                         0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4};
static const uint32_t sha256_start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
static const uint64_t sha384_start[8] = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17,
                                         0x152fecd8f70e5939, 0x67332667ffc00b31, 0x8eb44a8768581511,
                                         0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};
static const uint64_t sha512_start[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                         0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                         0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

static size_t block_size(const struct hash *hash) {
  return hash->algorithm == HASH_SHA384 || hash->algorithm == HASH_SHA512 ? 128 : 64;
}

void hash_start(struct hash *hash, enum hash_algorithm algorithm) {
  hash->algorithm = algorithm;
  hash->length = 0;
  switch (algorithm) {
    case HASH_MD5:
      memcpy(hash->state.words32, md5_start, sizeof md5_start);
      break;
    case HASH_SHA1:
      memcpy(hash->state.words32, sha1_start, sizeof sha1_start);
      break;
    case HASH_SHA224:
      memcpy(hash->state.words32, sha224_start, sizeof sha224_start);
      break;
    case HASH_SHA256:
      memcpy(hash->state.words32, sha256_start, sizeof sha256_start);
      break;
    case HASH_SHA384:
      memcpy(hash->state.words64, sha384_start, sizeof sha384_start);
      break;
    case HASH_SHA512:
      memcpy(hash->state.words64, sha512_start, sizeof sha512_start);
      break;
  }
}

static void compress(struct hash *hash, const uint8_t *data, size_t count) {
  switch (hash->algorithm) {
    case HASH_MD5:
      md5_blocks(hash->state.words32, data, count);
      break;
    case HASH_SHA1:
      sha1_blocks(hash->state.words32, data, count);
      break;
    case HASH_SHA224:
    case HASH_SHA256:
      sha256_blocks(hash->state.words32, data, count);
      break;
    case HASH_SHA384:
    case HASH_SHA512:
      sha512_blocks(hash->state.words64, data, count);
      break;
  }
}

void hash_add(struct hash *hash, const void *data, size_t length) {
  const uint8_t *from = data;
  size_t size = block_size(hash);
  size_t held = (size_t)(hash->length % size);
  if (length == 0) return;
  hash->length += length;
  if (held > 0) {
    size_t part = size - held < length ? size - held : length;
    memcpy(hash->block + held, from, part);
    from += part;
    length -= part;
    if (held + part < size) return;
    compress(hash, hash->block, 1);
  }
  if (length >= size) compress(hash, from, length / size);
  if (length % size > 0) memcpy(hash->block, from + length - length % size, length % size);
}

static size_t digest_size(enum hash_algorithm algorithm) {
  switch (algorithm) {
    case HASH_MD5:
      return 16;
    case HASH_SHA1:
      return 20;
    case HASH_SHA224:
      return 28;
    case HASH_SHA256:
      return 32;
    case HASH_SHA384:
      return 48;
    case HASH_SHA512:
      return 64;
  }
  return 0;
}

size_t hash_end(struct hash *hash, uint8_t *digest) {
  size_t block = block_size(hash), size = digest_size(hash->algorithm);
  size_t held = (size_t)(hash->length % block);
  uint64_t bits = hash->length * 8;
  bool is_little = hash->algorithm == HASH_MD5;
  hash->block[held++] = 0x80;
  if (held > block - block / 8) {
    memset(hash->block + held, 0, block - held);
    compress(hash, hash->block, 1);
    held = 0;
  }
  memset(hash->block + held, 0, block - held);
  for (size_t i = 0; i < 8; i++) hash->block[is_little ? block - 8 + i : block - 1 - i] = (uint8_t)(bits >> (8 * i));
  compress(hash, hash->block, 1);
  for (size_t i = 0; i < size; i++) {
    if (block == 128) {
      digest[i] = (uint8_t)(hash->state.words64[i / 8] >> (56 - 8 * (i % 8)));
    } else {
      size_t byte = i % 4;
      digest[i] = (uint8_t)(hash->state.words32[i / 4] >> (is_little ? 8 * byte : 24 - 8 * byte));
    }
  }
  return size;
}
