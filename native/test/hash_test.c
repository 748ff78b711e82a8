// Digests against published values, and the two ways of SHA-256 against each other.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "test.h"

static const char *hex_digest(enum hash_algorithm algorithm, const char *text, size_t piece) {
  static char hex[2 * HASH_SIZE_MAX + 1];
  uint8_t digest[HASH_SIZE_MAX];
  struct hash hash;
  size_t length = strlen(text), size;
  hash_start(&hash, algorithm);
  for (size_t at = 0; at < length; at += piece) hash_add(&hash, text + at, length - at < piece ? length - at : piece);
  size = hash_end(&hash, digest);
  for (size_t i = 0; i < size; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
  return hex;
}

// From RFC 1321 and FIPS 180.
static void test_published(void) {
  static const char *const abc = "abc";
  CHECK_TEXT(hex_digest(HASH_MD5, "", 1), "d41d8cd98f00b204e9800998ecf8427e");
  CHECK_TEXT(hex_digest(HASH_MD5, abc, 3), "900150983cd24fb0d6963f7d28e17f72");
  CHECK_TEXT(hex_digest(HASH_SHA1, abc, 3), "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK_TEXT(hex_digest(HASH_SHA224, abc, 3), "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
  CHECK_TEXT(hex_digest(HASH_SHA256, abc, 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK_TEXT(hex_digest(HASH_SHA384, abc, 3),
             "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
  CHECK_TEXT(hex_digest(HASH_SHA512, abc, 3),
             "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a"
             "3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  CHECK_TEXT(hex_digest(HASH_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 5),
             "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_pieces(void) {
  static char text[1000];
  static const enum hash_algorithm algorithms[] = {HASH_MD5,    HASH_SHA1,   HASH_SHA224,
                                                   HASH_SHA256, HASH_SHA384, HASH_SHA512};
  for (size_t length = 0; length < 300; length++) {
    memset(text, 'a' + (int)(length % 26), length);
    text[length] = '\0';
    for (size_t i = 0; i < 6; i++) {
      char whole[2 * HASH_SIZE_MAX + 1];
      strcpy(whole, hex_digest(algorithms[i], text, 1000));
      CHECK_TEXT(hex_digest(algorithms[i], text, 1 + length % 7), whole);
    }
  }
}

static void test_both_ways(void) {
  uint8_t data[64 * 16];
  for (unsigned round = 0; round < 200; round++) {
    uint32_t fast[8], portable[8];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)rand();
    for (size_t i = 0; i < 8; i++) fast[i] = portable[i] = (uint32_t)rand();
    sha256_blocks(fast, data, round % 16);
    sha256_blocks_portable(portable, data, round % 16);
    CHECK(memcmp(fast, portable, sizeof fast) == 0);
  }
}

void hash_tests(void) {
  test_run("digests equal the published ones", test_published);
  test_run("a digest does not depend on the pieces its bytes came in", test_pieces);
  if (sha256_has_fast()) {
    test_run("the processor's SHA-256 equals the portable one", test_both_ways);
  } else {
    test_skip("the processor's SHA-256 equals the portable one", "this processor has none");
  }
}
