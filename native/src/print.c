// Text of words and numbers: see print.h.
#include "print.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
#define DIGITS_MAX 24

struct sink {
  char *into;
  size_t size, length;
};

struct conversion {
  size_t width;
  size_t precision;
  bool is_padded_with_zeros;
  // l, ll or z: as wide as a pointer on the machines that crun knows, or wider.
  bool is_long;
};

static void put(struct sink *sink, const char *text, size_t length) {
  for (size_t i = 0; i < length; i++, sink->length++) {
    if (sink->length + 1 < sink->size) sink->into[sink->length] = text[i];
  }
}

static void put_padded(struct sink *sink, const struct conversion *how, const char *text, size_t length) {
  for (size_t i = length; i < how->width; i++) put(sink, how->is_padded_with_zeros ? "0" : " ", 1);
  put(sink, text, length);
}

static void put_number(struct sink *sink, const struct conversion *how, uint64_t number, unsigned base, bool is_negative) {
  char digits[DIGITS_MAX], *at = digits + sizeof digits;
  do {
    *--at = "0123456789abcdef"[number % base];
    number /= base;
  } while (number != 0);
  if (is_negative) *--at = '-';
  put_padded(sink, how, at, (size_t)(digits + sizeof digits - at));
}

// `at` stands behind the %; gives where the conversion ends, at its letter.
static const char *read_conversion(const char *at, struct conversion *how, va_list *arguments) {
  *how = (struct conversion){.precision = SIZE_MAX};
  if (*at == '0') how->is_padded_with_zeros = true;
  for (; *at >= '0' && *at <= '9'; at++) how->width = how->width * 10 + (size_t)(*at - '0');
  if (*at == '.' && at[1] == '*') {
    int precision = va_arg(*arguments, int);
    how->precision = precision < 0 ? SIZE_MAX : (size_t)precision;
    at += 2;
  } else if (*at == '.') {
    how->precision = 0;
    for (at++; *at >= '0' && *at <= '9'; at++) how->precision = how->precision * 10 + (size_t)(*at - '0');
  }
  for (; *at == 'l' || *at == 'z'; at++) how->is_long = true;
  return at;
}

static void convert(struct sink *sink, char letter, const struct conversion *how, va_list *arguments) {
  switch (letter) {
    case 's': {
      const char *text = va_arg(*arguments, const char *);
      put_padded(sink, how, text, strnlen(text, how->precision));
      break;
    }
    case 'c': {
      char one = (char)va_arg(*arguments, int);
      put(sink, &one, 1);
      break;
    }
    case 'd':
    case 'i': {
      int64_t number = how->is_long ? (int64_t)va_arg(*arguments, long) : va_arg(*arguments, int);
      put_number(sink, how, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10, number < 0);
      break;
    }
    case 'u':
    case 'x':
    case 'o': {
      uint64_t number = how->is_long ? va_arg(*arguments, unsigned long) : va_arg(*arguments, unsigned);
      put_number(sink, how, number, letter == 'u' ? 10 : letter == 'x' ? 16 : 8, false);
      break;
    }
    default: put(sink, &letter, 1);
  }
}

int print_list(char *into, size_t size, const char *format, va_list arguments) {
  struct sink sink = {into, size, 0};
  va_list left;
  va_copy(left, arguments);
  for (const char *at = format; *at != '\0'; at++) {
    struct conversion how;
    if (*at != '%') {
      put(&sink, at, 1);
      continue;
    }
    at = read_conversion(at + 1, &how, &left);
    if (*at == '\0') break;
    convert(&sink, *at, &how, &left);
  }
  va_end(left);
  if (size > 0) into[sink.length < size ? sink.length : size - 1] = '\0';
  return (int)sink.length;
}

int print_text(char *into, size_t size, const char *format, ...) {
  va_list arguments;
  int length;
  va_start(arguments, format);
  length = print_list(into, size, format, arguments);
  va_end(arguments);
  return length;
}

void print_to(int fd, const char *format, ...) {
  char line[LINE_MAX_BYTES];
  va_list arguments;
  int length;
  ssize_t written;
  va_start(arguments, format);
  length = print_list(line, sizeof line, format, arguments);
  va_end(arguments);
  written = write(fd, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
  (void)written; // there is nobody else to tell
}
