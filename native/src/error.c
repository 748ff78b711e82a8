// Fills in the error that a failed operation hands back.
#include "error.h"

#include <stdarg.h>
#include <string.h>

#include "print.h"

static void copy_cut(char *to, size_t capacity, const char *from) {
  size_t length = from == NULL ? 0 : strnlen(from, capacity - 1);
  if (length > 0) memcpy(to, from, length);
  to[length] = '\0';
}

static void start(struct err *err, enum failure_code code, int errno_value, const char *step, const char *path) {
  err->errno_ = errno_value;
  err->code = (uint8_t)code;
  copy_cut(err->step, sizeof err->step, step);
  copy_cut(err->path, sizeof err->path, path);
  err->message[0] = '\0';
}

void err_clear(struct err *err) {
  start(err, FAILURE_SYSTEM, 0, NULL, NULL);
}

void err_sanitize(struct err *err) {
  err->step[sizeof err->step - 1] = err->path[sizeof err->path - 1] = err->message[sizeof err->message - 1] = '\0';
  if (err->code > FAILURE_DEADLINE) err->code = FAILURE_ENTRY;
}

int err_system(struct err *err, int errno_value, const char *step, const char *path) {
  start(err, FAILURE_SYSTEM, errno_value, step, path);
  return -1;
}

int err_fail(struct err *err, enum failure_code code, const char *step, const char *path, const char *format, ...) {
  va_list arguments;
  start(err, code, 0, step, path);
  va_start(arguments, format);
  print_list(err->message, sizeof err->message, format, arguments);
  va_end(arguments);
  return -1;
}

int err_fail_errno(struct err *err, enum failure_code code, int errno_value, const char *step, const char *path,
                   const char *format, ...) {
  va_list arguments;
  start(err, code, errno_value, step, path);
  va_start(arguments, format);
  print_list(err->message, sizeof err->message, format, arguments);
  va_end(arguments);
  return -1;
}
