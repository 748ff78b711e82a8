// Ids of machines: inside and outside, and whose new files are.
#include "ids.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "test.h"

static const struct ids shifted = {
    .is_shifted = true,
    .users = {.count = 2, .ranges = {{0, 655360, 1000}, {1000, 1000, 1}}},
    .groups = {.count = 1, .ranges = {{0, 655360, 65536}}},
};

static void test_maps(void) {
  uint32_t outside = 0;
  CHECK_EQUAL(id_inside(&shifted.users, 655360), 0);
  CHECK_EQUAL(id_inside(&shifted.users, 656359), 999);
  CHECK_EQUAL(id_inside(&shifted.users, 1000), 1000);
  CHECK_EQUAL(id_inside(&shifted.users, 656360), ID_NOBODY);
  CHECK_EQUAL(id_inside(&shifted.users, 0), ID_NOBODY);
  CHECK(id_outside(&shifted.users, 999, &outside) && outside == 656359);
  CHECK(id_outside(&shifted.users, 1000, &outside) && outside == 1000);
  CHECK(!id_outside(&shifted.users, 1001, &outside) && !id_outside(&shifted.users, UINT32_MAX, &outside));
  struct stat stat = {.st_uid = 655361, .st_gid = 0};
  ids_show(&shifted, &stat);
  CHECK_EQUAL(stat.st_uid, 1);
  CHECK_EQUAL(stat.st_gid, ID_NOBODY);
}

static void test_own(void) {
  struct ids ids = shifted;
  struct err err;
  int process = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK(process >= 0 && ids_read(&ids, process, &err) == 0 && !ids.is_shifted);
  close(process);
}

static void test_tree(void) {
  const struct {
    uid_t uid;
    gid_t gid;
    bool is_shifted;
  } cases[] = {{0, 0, false}, {655360, 655360, true}, {655361, 655361, false}, {655360, 0, false}, {1000, 1000, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct stat stat = {.st_uid = cases[i].uid, .st_gid = cases[i].gid};
    struct ids ids;
    ids_of_tree(&ids, &stat);
    CHECK_EQUAL(ids.is_shifted, cases[i].is_shifted && geteuid() == 0);
  }
}

// Capabilities and the signal at the parent's death go with a change of these ids: they must come back.
static void test_files(void) {
  struct err err;
  int signal = 0, before = 0;
  prctl(PR_GET_PDEATHSIG, &before);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  CHECK_EQUAL(ids_enter(&shifted, &err), 0);
  CHECK_EQUAL(ids_file_user(), 655360);
  CHECK_EQUAL(ids_file_group(), 655360);
  make_file("of-root", "x");
  struct stat stat = {0};
  CHECK(lstat(scratch("of-root"), &stat) == 0 && stat.st_uid == 655360 && stat.st_gid == 655360);
  CHECK(chown(scratch("of-root"), 0, 0) == 0);
  CHECK(prctl(PR_GET_PDEATHSIG, &signal) == 0 && signal == SIGTERM);
  ids_leave(&shifted);
  CHECK_EQUAL(ids_file_user(), 0);
  CHECK_EQUAL(ids_file_group(), 0);
  CHECK(prctl(PR_GET_PDEATHSIG, &signal) == 0 && signal == SIGTERM);
  prctl(PR_SET_PDEATHSIG, before);
}

void ids_tests(void) {
  test_run("ids of a machine are those of the host by its maps, and nobody's where it has none", test_maps);
  test_run("a process of our own user namespace shifts nothing", test_own);
  test_run("a tree's root directory tells of shifted ids by a multiple of 65536 alone", test_tree);
  const char *name = "new files are of the machine's root, with all capabilities, and only until then";
  if (geteuid() == 0) test_run(name, test_files);
  else test_skip(name, "it takes root");
}
