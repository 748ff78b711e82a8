// Turns the bytes of an input into choices.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

void fuzz_finding(const char *file, int line, const char *format, ...) {
  va_list arguments;
  printf("%s:%d: finding: ", file, line);
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  printf("\n");
  fflush(stdout);
  abort();
}

uint8_t feed_u8(struct feed *feed) {
  if (feed->left == 0) return 0;
  feed->left--;
  return *feed->at++;
}

uint16_t feed_u16(struct feed *feed) {
  uint16_t low = feed_u8(feed);
  return (uint16_t)(low | feed_u8(feed) << 8);
}

uint32_t feed_u32(struct feed *feed) {
  uint32_t low = feed_u16(feed);
  return low | (uint32_t)feed_u16(feed) << 16;
}

struct bytes feed_bytes(struct feed *feed, size_t length) {
  if (length > feed->left) length = feed->left;
  struct bytes bytes = {feed->at, length};
  feed->at += length;
  feed->left -= length;
  return bytes;
}

struct bytes feed_rest(struct feed *feed) {
  return feed_bytes(feed, feed->left);
}

uint8_t feed_below(struct feed *feed, uint8_t bound) {
  return (uint8_t)(feed_u8(feed) % bound);
}

static const char name_of_255[] =
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";

// The order is the corpus's: new ones go to the end.
static const char *const names[] = {
    "etc",  "passwd", "a",    "b",    "c",    "new",  "..",   ".",     "",     "out",  "absolute", "loop", "fifo",
    "node", "socket", "many", "deep", "size", "name\n\xff", "proc", "self", "root", "fd",   "comm",     "mount", "canary",
    "file", "shared", "in",   "broken", "closed", "long", "longer", "slow", "tree", "host", "mnt",      "1",     "cwd"};
static const char *const patterns[] = {"*", "?", "[a-z]", "[!a]*", "*a*", "[", "**", "n?w*"};

const char *feed_path(struct feed *feed, bool has_patterns) {
  static char paths[16][8192];
  static unsigned next;
  char *path = paths[next++ % 16];
  size_t length = 0, pattern_count = 0;
  uint8_t head = feed_u8(feed);
  path[0] = '\0';
  for (unsigned i = 0; i < head % 6u; i++) {
    uint8_t choice = feed_u8(feed);
    const char *name = names[choice % (sizeof names / sizeof *names)];
    // Each pattern multiplies the work: two make it large enough.
    if (has_patterns && choice >= 192 && pattern_count++ < 2) name = patterns[choice % 8];
    if (strcmp(name, "long") == 0) name = name_of_255;
    length += (size_t)snprintf(path + length, sizeof paths[0] - length, "/%s", name);
    if (strcmp(name, "longer") == 0) length += (size_t)snprintf(path + length, sizeof paths[0] - length, "%s", name_of_255);
  }
  if (length == 0 && (head & 0x80) == 0) snprintf(path, sizeof paths[0], "/");
  // Relative, and with a slash at its end.
  if (head & 0x80 && length > 0) return path + 1;
  if (head & 0x40 && length + 1 < sizeof paths[0]) strcat(path, "/");
  return path;
}
