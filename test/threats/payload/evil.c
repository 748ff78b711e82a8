// Not part of the payload: a library that tells when it is loaded. Built as a shared object, under many names.
#if defined(EVIL_LIBRARY)
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void loaded(void) {
  char name[64] = "";
  int own = open("/proc/self/comm", O_RDONLY), log = open("/loaded", O_WRONLY | O_CREAT | O_APPEND, 0666);
  ssize_t length = own < 0 ? 0 : read(own, name, sizeof name - 1);
  if (length <= 0) length = (ssize_t)strlen(strcpy(name, "?\n"));
  if (log >= 0 && write(log, name, (size_t)length) < 0) _exit(1);
}
#else
typedef int nothing_here;
#endif
