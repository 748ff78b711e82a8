// Growing bytes to write into, and a bounded cursor to read from; numbers are little endian.
#ifndef CRUN_BUFFER_H
#define CRUN_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "messages.h"

// Starts as {0}. No memory is fatal, so no put can fail.
struct buffer {
  uint8_t *data;
  size_t length;
  size_t capacity;
};

void buffer_free(struct buffer *buffer);
#define auto_buffer __attribute__((cleanup(buffer_free)))

// Makes room for `more` bytes and returns where they go; `length` is not changed.
uint8_t *buffer_reserve(struct buffer *buffer, size_t more);
void buffer_drop_front(struct buffer *buffer, size_t count);
// Drops what was sent already, where that pays for the move.
void buffer_drop_sent(struct buffer *buffer, size_t *sent);
void put_u8(struct buffer *buffer, uint8_t value);
void put_u16(struct buffer *buffer, uint16_t value);
void put_u32(struct buffer *buffer, uint32_t value);
void put_u64(struct buffer *buffer, uint64_t value);
void put_raw(struct buffer *buffer, const void *data, size_t length);
void put_bytes(struct buffer *buffer, const void *data, size_t length);  // with its length before it
void put_str(struct buffer *buffer, const char *string);
void set_u32(struct buffer *buffer, size_t offset, uint32_t value);  // over four bytes put before

// Reads a frame's payload. After the first read past the end, or of something malformed, `is_broken` stays set and
// every read gives zero or empty; a decoder checks it once at its end. The bytes are changed by get_string.
struct cursor {
  uint8_t *at;
  size_t left;
  bool is_broken;
};

void cursor_break(struct cursor *cursor);
uint8_t get_u8(struct cursor *cursor);
uint16_t get_u16(struct cursor *cursor);
uint32_t get_u32(struct cursor *cursor);
uint64_t get_u64(struct cursor *cursor);
const uint8_t *get_raw(struct cursor *cursor, size_t length);  // borrowed; NULL if broken
struct bytes get_bytes(struct cursor *cursor);
// A str, with a NUL at its end, borrowed: it is moved one byte down, over the last byte of its own length (zero in
// every frame).
const char *get_string(struct cursor *cursor);
// A list's count, of items that take at least `item_min` bytes each.
size_t get_count(struct cursor *cursor, size_t item_min);

uint32_t read_u32(const uint8_t *data);

// Allocation that cannot fail; zeroed.
void *allocate(size_t count, size_t size);

#endif
