// Text of words and numbers. Only what the helper needs of printf: the C library's own brings arithmetic of long doubles, a twelfth of the program.
#ifndef CRUN_PRINT_H
#define CRUN_PRINT_H

#include <stdarg.h>
#include <stddef.h>

// Conversions: %s %.Ns %.*s %c %d %i %u %x %o %% with l, ll, z and a width, padded with blanks or 0. Like snprintf: gives the whole text's
// length, writes what fits, always with a NUL where size is not 0.
int print_text(char *into, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int print_list(char *into, size_t size, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));
// One write(2), cut at 1 KiB.
void print_to(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Whoever forgets: one call of the library's brings all of it back.
#ifndef CRUN_TEST_H
#pragma GCC poison snprintf vsnprintf sprintf asprintf fprintf dprintf
#endif

#endif
