// Answers questions about the process's own surroundings.
#include "report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "print.h"

#define ANSWER_MAX (1024u * 1024u)

struct answer {
  char *text;
  size_t length;
};

static int read_file(const char *path, struct answer *out) {
  auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return -1;
  while (out->length < ANSWER_MAX) {
    ssize_t got = read(fd, out->text + out->length, ANSWER_MAX - out->length);
    if (got < 0 && errno != EINTR) return -1;
    if (got == 0) break;
    out->length += got > 0 ? (size_t)got : 0;
  }
  return 0;
}

static int read_link(const char *path, struct answer *out) {
  ssize_t got = readlink(path, out->text, ANSWER_MAX);
  out->length = got < 0 ? 0 : (size_t)got;
  return got < 0 ? -1 : 0;
}

static int list(const char *path, struct answer *out) {
  auto_closedir DIR *directory = opendir(path);
  if (directory == NULL) return -1;
  for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
    struct stat status = {0};
    if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0) continue;
    int added = print_text(out->text + out->length, ANSWER_MAX - out->length, "%o %u:%u %s\n", status.st_mode,
                           major(status.st_rdev), minor(status.st_rdev), entry->d_name);
    if (added < 0 || (size_t)added >= ANSWER_MAX - out->length) break;
    out->length += (size_t)added;
  }
  return 0;
}

static int try_open(const char *path, int flags) {
  auto_close int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  return fd < 0 ? -1 : 0;
}

// `@` is the address of zeros.
static int call(const char *text, struct answer *out) {
  long numbers[7] = {0};
  for (size_t i = 0; i < 7 && *text != '\0'; i++) {
    char *end = NULL;
    numbers[i] = *text == '@' ? (long)(intptr_t)out->text : (long)strtoull(text, &end, 10);
    text = end == NULL ? text + 1 : end;
    text += *text == ',';
  }
  long value = syscall(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]);
  if (value < 0) return -1;
  out->length = (size_t)print_text(out->text, ANSWER_MAX, "%ld", value);
  return 0;
}

static int answer_to(const char *question, struct answer *out) {
  const char *about = question + 1;
  switch (question[0]) {
    case 'r': return read_file(about, out);
    case 'l': return read_link(about, out);
    case 'd': return list(about, out);
    case 'o': return try_open(about, O_RDONLY);
    case 'w': return try_open(about, O_WRONLY);
    case 's': return call(about, out);
    default: return errno = EINVAL, -1;
  }
}

static int put(const char *text, size_t length) {
  while (length > 0) {
    ssize_t written = write(STDOUT_FILENO, text, length);
    if (written < 0 && errno != EINTR) return -1;
    text += written > 0 ? written : 0;
    length -= written > 0 ? (size_t)written : 0;
  }
  return 0;
}

bool report_main(int count, char **arguments, int *exit_status) {
  if (count < 2 || strcmp(arguments[1], "--report") != 0) return false;
  struct answer answer = {.text = calloc(1, ANSWER_MAX)};
  *exit_status = answer.text == NULL;
  for (int i = 2; i < count && *exit_status == 0; i++) {
    char head[64];
    answer.length = 0;
    int failed = answer_to(arguments[i], &answer) < 0 ? errno : 0;
    if (failed != 0) answer.length = 0;
    int length = print_text(head, sizeof head, " %d\n", failed != 0 ? -failed : (int)answer.length);
    *exit_status = put(arguments[i], strlen(arguments[i])) < 0 || put(head, (size_t)length) < 0 ||
                   put(answer.text, answer.length) < 0;
  }
  free(answer.text);
  return true;
}
