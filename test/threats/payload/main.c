// What a hostile tree runs: each role is a group of attacks from inside an entry. Built static by the tests.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "payload.h"

void tell(int row, const char *what, bool has_escaped) {
  if (has_escaped) printf("ESCAPED row %d %s\n", row, what);
  else printf("row %d %s: refused\n", row, what);
}

void tell_text(int row, const char *what, const char *text) {
  printf("row %d %s: %s\n", row, what, text);
}

bool overwrite(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return false;
  bool is_written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  return close(fd) == 0 && is_written;
}

const char *text_of(const char *path) {
  static char text[65536];
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[got < 0 ? 0 : got] = '\0';
  return text;
}

_Noreturn void wait_for_ever(void) {
  for (;;) sleep(100);
}

int main(int count, char **arguments) {
  static const struct attack *const groups[] = {reach_attacks, kernel_attacks, rights_attacks, terminal_attacks,
                                                life_attacks,  machine_attacks, sight_attacks};
  setvbuf(stdout, NULL, _IOLBF, 0);
  // Several, one after the other: `ROLE ARGUMENTS… -- ROLE ARGUMENTS…`.
  for (int i = 1; i < count; i++) {
    if (strcmp(arguments[i], "--") != 0) continue;
    arguments[i] = NULL;
    int status = main(i, arguments);
    return status != 0 ? status : main(count - i, arguments + i);
  }
  const char *role = count > 1 ? arguments[1] : "";
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
    for (const struct attack *attack = groups[i]; attack->role != NULL; attack++) {
      if (strcmp(role, attack->role) == 0) return attack->run(count - 2, arguments + 2);
    }
  }
  fprintf(stderr, "payload: no such role: %s\n", role);
  return 2;
}
