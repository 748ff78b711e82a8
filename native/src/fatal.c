// Ends a process that cannot go on.
#include "fatal.h"

#include <stdarg.h>
#include <unistd.h>

#include "print.h"

void fatal(const char *format, ...) {
  char line[512];
  va_list arguments;
  int length = print_text(line, sizeof line, "crun-helper: ");
  va_start(arguments, format);
  length += print_list(line + length, sizeof line - (size_t)length - 1, format, arguments);
  va_end(arguments);
  if ((size_t)length > sizeof line - 2) length = (int)sizeof line - 2;
  line[length] = '\n';
  // Nobody can be told if even this fails.
  if (write(STDERR_FILENO, line, (size_t)length + 1) < 0) _exit(EXIT_BROKEN);
  _exit(EXIT_BROKEN);
}
