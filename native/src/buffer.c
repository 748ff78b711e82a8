// Growing bytes to write into, and a bounded cursor to read from.
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"

void *allocate(size_t count, size_t size) {
  void *memory = calloc(count == 0 ? 1 : count, size);
  if (memory == NULL) fatal("no memory");
  return memory;
}

void buffer_free(struct buffer *buffer) {
  free(buffer->data);
  *buffer = (struct buffer){0};
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t more) {
  if (more > buffer->capacity - buffer->length) {
    size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity;
    uint8_t *data;
    while (capacity - buffer->length < more) {
      if (capacity > SIZE_MAX / 2) fatal("no memory");
      capacity *= 2;
    }
    data = realloc(buffer->data, capacity);
    if (data == NULL) fatal("no memory");
    buffer->data = data;
    buffer->capacity = capacity;
  }
  return buffer->data + buffer->length;
}

void buffer_drop_front(struct buffer *buffer, size_t count) {
  if (count == 0) return;
  buffer->length -= count;
  if (buffer->length > 0) memmove(buffer->data, buffer->data + count, buffer->length);
}

void buffer_drop_sent(struct buffer *buffer, size_t *sent) {
  if (*sent < 65536 || *sent < buffer->length / 2) return;
  buffer_drop_front(buffer, *sent);
  *sent = 0;
}

void put_raw(struct buffer *buffer, const void *data, size_t length) {
  if (length == 0) return;
  memcpy(buffer_reserve(buffer, length), data, length);
  buffer->length += length;
}

static void put_number(struct buffer *buffer, uint64_t value, size_t size) {
  uint8_t *to = buffer_reserve(buffer, size);
  for (size_t i = 0; i < size; i++) to[i] = (uint8_t)(value >> (8 * i));
  buffer->length += size;
}

void put_u8(struct buffer *buffer, uint8_t value) {
  put_number(buffer, value, 1);
}

void put_u16(struct buffer *buffer, uint16_t value) {
  put_number(buffer, value, 2);
}

void put_u32(struct buffer *buffer, uint32_t value) {
  put_number(buffer, value, 4);
}

void put_u64(struct buffer *buffer, uint64_t value) {
  put_number(buffer, value, 8);
}

void put_bytes(struct buffer *buffer, const void *data, size_t length) {
  put_u32(buffer, (uint32_t)length);
  put_raw(buffer, data, length);
}

void put_str(struct buffer *buffer, const char *string) {
  put_bytes(buffer, string, strlen(string));
}

void set_u32(struct buffer *buffer, size_t offset, uint32_t value) {
  for (size_t i = 0; i < 4; i++) buffer->data[offset + i] = (uint8_t)(value >> (8 * i));
}

uint32_t read_u32(const uint8_t *data) {
  return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

void cursor_break(struct cursor *cursor) {
  cursor->is_broken = true;
  cursor->left = 0;
}

const uint8_t *get_raw(struct cursor *cursor, size_t length) {
  const uint8_t *data = cursor->at;
  if (cursor->is_broken || length > cursor->left) {
    cursor_break(cursor);
    return NULL;
  }
  cursor->at += length;
  cursor->left -= length;
  return data;
}

static uint64_t get_number(struct cursor *cursor, size_t size) {
  const uint8_t *data = get_raw(cursor, size);
  uint64_t value = 0;
  if (data == NULL) return 0;
  for (size_t i = 0; i < size; i++) value |= (uint64_t)data[i] << (8 * i);
  return value;
}

uint8_t get_u8(struct cursor *cursor) {
  return (uint8_t)get_number(cursor, 1);
}

uint16_t get_u16(struct cursor *cursor) {
  return (uint16_t)get_number(cursor, 2);
}

uint32_t get_u32(struct cursor *cursor) {
  return (uint32_t)get_number(cursor, 4);
}

uint64_t get_u64(struct cursor *cursor) {
  return get_number(cursor, 8);
}

struct bytes get_bytes(struct cursor *cursor) {
  size_t length = get_u32(cursor);
  const uint8_t *data = get_raw(cursor, length);
  if (data == NULL) return (struct bytes){(const uint8_t *)"", 0};
  return (struct bytes){data, length};
}

const char *get_string(struct cursor *cursor) {
  size_t length = get_u32(cursor);
  uint8_t *data = cursor->at;
  // The length's highest byte is zero, since a frame holds no more than a mebibyte: the string may have its place.
  if (get_raw(cursor, length) == NULL) return "";
  if (length > 0 && memchr(data, '\0', length) != NULL) {
    cursor_break(cursor);
    return "";
  }
  memmove(data - 1, data, length);
  *(data - 1 + length) = '\0';
  return (const char *)data - 1;
}

size_t get_count(struct cursor *cursor, size_t item_min) {
  size_t count = get_u32(cursor);
  if (count > cursor->left / item_min) {
    cursor_break(cursor);
    return 0;
  }
  return count;
}
