// print_text: what the C library's snprintf gives, for every conversion that the helper uses, and what it does where there is no room.
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "test.h"
#include "print.h" // after test.h: here the library's are called as well

#define SAME(...)                                                  \
  do {                                                             \
    char ours[128], theirs[128];                                   \
    int length = print_text(ours, sizeof ours, __VA_ARGS__);       \
    CHECK(length == snprintf(theirs, sizeof theirs, __VA_ARGS__)); \
    CHECK(strcmp(ours, theirs) == 0);                              \
  } while (0)

static void is_as_the_library_writes_it(void) {
  char wide[] = "abcdef";
  SAME("plain");
  SAME("100%%");
  SAME("%s and %s", "one", "");
  SAME("%.3s|%.0s|%.100s", wide, wide, wide);
  SAME("%.*s|%.*s|%.*s", 2, wide, 0, wide, -1, wide);
  SAME("%8s|%3s", wide, wide);
  SAME("%c%c", 'x', '%');
  SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
  SAME("%ld %ld %lld", LONG_MAX, LONG_MIN, LLONG_MIN);
  SAME("%u %u %lu %zu", 0u, UINT_MAX, ULONG_MAX, sizeof wide);
  SAME("%x %o %016llx %04o", 0xbeefu, 0755u, 0x123456789abcdefULL, 07u);
  SAME("%5d|%05d|%2d", 42, 42, 12345);
}

static void is_cut_where_there_is_no_room(void) {
  char small[4] = "zzz";
  CHECK(print_text(small, sizeof small, "%s", "abcdef") == 6);
  CHECK(strcmp(small, "abc") == 0);
  CHECK(print_text(small, 1, "%d", 7) == 1);
  CHECK(small[0] == '\0');
  CHECK(print_text(NULL, 0, "%s", "abc") == 3);
}

void print_tests(void) {
  test_run("text of words and numbers is as the C library writes it", is_as_the_library_writes_it);
  test_run("text is cut where there is no room, and its whole length told", is_cut_where_there_is_no_room);
}
