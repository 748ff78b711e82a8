// The compression functions of SHA-224/256 and SHA-384/512; SHA-256 with the processor's instructions where it has them.
#include "hash.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

static const uint32_t rounds256[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static const uint64_t rounds512[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static uint32_t right32(uint32_t value, unsigned turn) {
  return value >> turn | value << (32 - turn);
}

static uint64_t right64(uint64_t value, unsigned turn) {
  return value >> turn | value << (64 - turn);
}

void sha256_blocks_portable(uint32_t state[8], const uint8_t *data, size_t count) {
  for (; count > 0; count--, data += 64) {
    uint32_t words[64], s[8];
    for (unsigned i = 0; i < 16; i++) {
      words[i] = (uint32_t)data[4 * i] << 24 | (uint32_t)data[4 * i + 1] << 16 | (uint32_t)data[4 * i + 2] << 8 |
                 (uint32_t)data[4 * i + 3];
    }
    for (unsigned i = 16; i < 64; i++) {
      uint32_t low = right32(words[i - 15], 7) ^ right32(words[i - 15], 18) ^ words[i - 15] >> 3;
      uint32_t high = right32(words[i - 2], 17) ^ right32(words[i - 2], 19) ^ words[i - 2] >> 10;
      words[i] = words[i - 16] + low + words[i - 7] + high;
    }
    for (unsigned i = 0; i < 8; i++) s[i] = state[i];
    for (unsigned i = 0; i < 64; i++) {
      uint32_t one = s[7] + (right32(s[4], 6) ^ right32(s[4], 11) ^ right32(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) +
                     rounds256[i] + words[i];
      uint32_t two = (right32(s[0], 2) ^ right32(s[0], 13) ^ right32(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
      for (unsigned j = 7; j > 0; j--) s[j] = s[j - 1];
      s[4] += one;
      s[0] = one + two;
    }
    for (unsigned i = 0; i < 8; i++) state[i] += s[i];
  }
}

void sha512_blocks(uint64_t state[8], const uint8_t *data, size_t count) {
  for (; count > 0; count--, data += 128) {
    uint64_t words[80], s[8];
    for (unsigned i = 0; i < 16; i++) {
      words[i] = 0;
      for (unsigned j = 0; j < 8; j++) words[i] = words[i] << 8 | data[8 * i + j];
    }
    for (unsigned i = 16; i < 80; i++) {
      uint64_t low = right64(words[i - 15], 1) ^ right64(words[i - 15], 8) ^ words[i - 15] >> 7;
      uint64_t high = right64(words[i - 2], 19) ^ right64(words[i - 2], 61) ^ words[i - 2] >> 6;
      words[i] = words[i - 16] + low + words[i - 7] + high;
    }
    for (unsigned i = 0; i < 8; i++) s[i] = state[i];
    for (unsigned i = 0; i < 80; i++) {
      uint64_t one = s[7] + (right64(s[4], 14) ^ right64(s[4], 18) ^ right64(s[4], 41)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) +
                     rounds512[i] + words[i];
      uint64_t two = (right64(s[0], 28) ^ right64(s[0], 34) ^ right64(s[0], 39)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
      for (unsigned j = 7; j > 0; j--) s[j] = s[j - 1];
      s[4] += one;
      s[0] = one + two;
    }
    for (unsigned i = 0; i < 8; i++) state[i] += s[i];
  }
}

#if defined(__x86_64__)

bool sha256_has_fast(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & bit_SHA) == 0) return false;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) != 0 && (c & bit_SSSE3) != 0;
}

// The state is held as ABEF and CDGH, as the instructions want it; each does two rounds.
__attribute__((target("sha,sse4.1,ssse3"))) static void sha256_blocks_fast(uint32_t state[8], const uint8_t *data, size_t count) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)state);
  __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
  __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
  for (; count > 0; count--, data += 64) {
    __m128i abef_before = abef, cdgh_before = cdgh, words[4];
    for (unsigned i = 0; i < 16; i++) {
      __m128i now, sum;
      if (i < 4) {
        now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(data + 16 * i)), swap);
      } else {
        // w[i] = w[i-16] + s0(w[i-15]) + w[i-7] + s1(w[i-2]), four at a time.
        now = _mm_sha256msg1_epu32(words[i % 4], words[(i + 1) % 4]);
        now = _mm_add_epi32(now, _mm_alignr_epi8(words[(i + 3) % 4], words[(i + 2) % 4], 4));
        now = _mm_sha256msg2_epu32(now, words[(i + 3) % 4]);
      }
      words[i % 4] = now;
      sum = _mm_add_epi32(now, _mm_load_si128((const __m128i *)(const void *)(rounds256 + 4 * i)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  dcba = _mm_shuffle_epi32(abef, 0x1b);
  hgfe = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(dcba, hgfe, 0xf0));
  _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(hgfe, dcba, 8));
}

void sha256_blocks(uint32_t state[8], const uint8_t *data, size_t count) {
  // Asked once only, since cpuid traps in a virtual machine. The one value that a process can find: no state.
  static signed char has_fast = -1;
  if (has_fast < 0) has_fast = sha256_has_fast() ? 1 : 0;
  if (has_fast) {
    sha256_blocks_fast(state, data, count);
  } else {
    sha256_blocks_portable(state, data, count);
  }
}

#else

bool sha256_has_fast(void) {
  return false;
}

void sha256_blocks(uint32_t state[8], const uint8_t *data, size_t count) {
  sha256_blocks_portable(state, data, count);
}

#endif
