// Shell patterns.
#include "glob.h"
#include "test.h"

static void test_patterns(void) {
  CHECK(glob_matches("*", "a") && glob_matches("*", "abc") && !glob_matches("*", ".a") && glob_matches(".*", ".a"));
  CHECK(glob_matches("a*c", "ac") && glob_matches("a*c", "abbc") && !glob_matches("a*c", "abcd"));
  CHECK(glob_matches("?b?", "abc") && !glob_matches("?b?", "ab"));
  CHECK(glob_matches("[a-c]x", "bx") && !glob_matches("[a-c]x", "dx") && glob_matches("[!a-c]x", "dx") &&
        !glob_matches("[!a-c]x", "ax"));
  CHECK(glob_matches("[]]", "]") && glob_matches("[a", "[a") && !glob_matches("[a", "a"));
  CHECK(glob_matches("*.conf", "a.conf") && !glob_matches("*.conf", "a.conf.bak") && glob_matches("*.*", "a.b"));
  CHECK(glob_matches("caf\xe9*", "caf\xe9s") && !glob_matches("", "a") && glob_matches("", ""));
}

// A star that is tried again at every place for every star before it would take years here.
static void test_no_explosion(void) {
  char name[256];
  for (unsigned i = 0; i < 254; i++) name[i] = 'a';
  name[254] = 'b';
  name[255] = '\0';
  CHECK(!glob_matches("a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*c", name));
}

void glob_tests(void) {
  test_run("patterns of * ? [ ] match as a shell's", test_patterns);
  test_run("a hostile pattern costs no more than its length times the name's", test_no_explosion);
}
