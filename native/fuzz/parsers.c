// Fuzzes what reads files that a tree or its processes have written, and the kernel's lists with names of theirs.
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Their parsers are their own. The library has these files too; the linker takes what is here.
#include "../src/cgroup.c"
#include "../src/ids.c"
#define fail machine_fail
#include "../src/machine.c"
#undef fail
#define fail resolv_fail
#include "../src/resolv.c"
#undef fail
#define fail mounts_fail
#define reopen mounts_reopen
#include "../src/mounts.c"

#include "format.h"
#include "fuzz.h"
#include "glob.h"

// Files lie beneath a directory in memory. In it `process` is a directory as of /proc.
static int root = -1, process = -1;
static struct bytes mountinfo;

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode) {
  if (strcmp(path, "/proc/self/mountinfo") != 0) return __real_fopen(path, mode);
  return mountinfo.length == 0 ? NULL : fmemopen((void *)(uintptr_t)mountinfo.data, mountinfo.length, "r");
}

static void put_file(int directory, const char *name, struct bytes content) {
  auto_close int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  MUST(fd >= 0 && write(fd, content.data, content.length) == (ssize_t)content.length, "%s", name);
}

// Up to the next 0xff, or all that is left.
static struct bytes feed_part(struct feed *feed) {
  const uint8_t *end = memchr(feed->at, 0xff, feed->left);
  struct bytes part = feed_bytes(feed, end == NULL ? feed->left : (size_t)(end - feed->at));
  feed_u8(feed);
  return part;
}

// With a NUL at its end, of exactly its size: reads beyond it are seen. The caller frees it.
static char *feed_text(struct feed *feed) {
  struct bytes part = feed_part(feed);
  char *text = allocate(part.length + 1, 1);
  memcpy(text, part.data, part.length);
  return text;
}

static void check_user(struct feed *feed) {
  auto_free char *spec = feed_text(feed);
  char name[8];
  struct user user;
  struct err err;
  put_file(root, "etc/passwd", feed_part(feed));
  put_file(root, "etc/group", feed_rest(feed));
  bool has_name = user_name_of(root, 0, name, sizeof name);
  MUST(!has_name || (name[0] != '\0' && strlen(name) < sizeof name), "a name");
  if (user_resolve(root, spec, &user, &err) != 0) return;
  MUST(user.uid != (uid_t)-1 && user.gid != (gid_t)-1, "nobody's id");
  MUST(user.group_count > 0 && user.groups[0] == user.gid, "the first group is not the primary one");
  MUST(user.home[0] == '/' && user.shell[0] == '/', "home %s, shell %s", user.home, user.shell);
  char *colon = strchr(spec, ':');
  if (colon != NULL) *colon = '\0';
  // What is written is what one gets: digits the number, a name its own entry, nothing root.
  if (spec[0] == '\0') MUST(user.uid == 0 && user.gid == 0 && user.group_count == 1, "root is another");
  else if (spec[strspn(spec, "0123456789")] == '\0') MUST(user.uid == strtoul(spec, NULL, 10), "%s is %u", spec, user.uid);
  else MUST(strcmp(user.name, spec) == 0, "%s is %s", spec, user.name);
  if (colon != NULL && colon[1 + strspn(colon + 1, "0123456789")] == '\0')
    MUST(user.gid == strtoul(colon + 1, NULL, 10), "group %s is %u", colon + 1, user.gid);
  user_free(&user);
}

static void check_mounts(struct feed *feed) {
  struct membership member = {0};
  char mount_point[PATH_MAX], mount_root[PATH_MAX];
  struct bytes controllers = feed_part(feed);
  print_text(member.controllers, sizeof member.controllers, "%.*s",
             (int)strnlen((const char *)controllers.data, controllers.length), (const char *)controllers.data);
  mountinfo = feed_rest(feed);
  find_mount(&member, mount_point, mount_root);
  auto_free char *text = allocate(mountinfo.length + 1, 1);
  memcpy(text, mountinfo.data, mountinfo.length);
  size_t length = strlen(text);
  unescape(text);
  MUST(strlen(text) <= length, "what was unescaped is longer");
  mountinfo = (struct bytes){0};
}

static void check_process(struct feed *feed) {
  struct leader leader = {.pid = 5, .process = process, .pidfd = -1, .root = -1};
  auto_free char *status = feed_text(feed);
  put_file(process, "comm", feed_part(feed));
  put_file(process, "uid_map", feed_part(feed));
  put_file(process, "cgroup", feed_rest(feed));
  is_init_of_namespace(status);
  describe(&leader, status, "name");
  const struct machine_info *info = &leader.info;
  MUST(memchr(info->name, '\0', sizeof info->name) != NULL && memchr(info->init, '\0', sizeof info->init) != NULL &&
           memchr(info->cgroup, '\0', sizeof info->cgroup) != NULL,
       "a text without an end");
}

static void check_ids(struct feed *feed) {
  struct ids ids;
  struct err err;
  uint32_t outside;
  put_file(process, "uid_map", feed_part(feed));
  put_file(process, "gid_map", feed_part(feed));
  if (ids_read(&ids, process, &err) != 0) return;
  MUST(ids.users.count <= 16 && ids.groups.count <= 16, "%u ranges", ids.users.count);
  for (unsigned i = 0; i < 4; i++) {
    uint32_t id = feed_u32(feed);
    // The kernel's ranges neither overlap nor wrap around; those of an input may, and then another range answers.
    const struct id_range *range = ids.users.ranges;
    bool wraps = (uint64_t)range->outside + range->count > UINT32_MAX || (uint64_t)range->inside + range->count > UINT32_MAX;
    if (ids.users.count == 1 && !wraps && id_outside(&ids.users, id, &outside) && id_inside(&ids.users, id) != ID_NOBODY)
      MUST(id_inside(&ids.users, outside) == id, "%u is %u outside", id, outside);
  }
}

// The C library's own says what a pattern means, but for its classes of characters, and for what depends on a locale.
static void check_glob(struct feed *feed) {
  auto_free char *pattern = feed_text(feed);
  auto_free char *name = feed_text(feed);
  // A component has no more; the C library's takes its time.
  if (strlen(pattern) > 255 || strlen(name) > 255) return;
  bool matches = glob_matches(pattern, name);
  if (strstr(pattern, "[:") != NULL || strstr(pattern, "[.") != NULL || strstr(pattern, "[=") != NULL) return;
  if (strchr(pattern, '[') != NULL || strlen(pattern) > 40) return;
  MUST(matches == (fnmatch(pattern, name, FNM_NOESCAPE | FNM_PERIOD) == 0), "\"%s\" and \"%s\": %d", pattern, name, matches);
}

static void check_words(struct feed *feed) {
  char *words[4];
  size_t max = feed_below(feed, 5);
  auto_free char *line = feed_text(feed);
  size_t length = strlen(line), count = split_words(line, words, max);
  MUST(count <= max, "%zu words", count);
  for (size_t i = 0; i < count; i++) {
    MUST(words[i] >= line && words[i] + strlen(words[i]) <= line + length, "a word outside of its line");
    MUST(words[i][0] != '\0' && strpbrk(words[i], " \t\n") == NULL, "\"%s\" is no word", words[i]);
  }
}

// A program that the kernel refused, and a script that names one.
static void check_format(struct feed *feed) {
  struct err err;
  put_file(root, "program", feed_rest(feed));
  MUST(fail_format(SCRATCH "/program", &err) == -1 && err.message[0] != '\0', "no reason");
}

static void check_link(struct feed *feed) {
  auto_free char *target = feed_text(feed);
  char path[PATH_MAX];
  size_t capacity = 1 + feed_u16(feed) % sizeof path;
  if (!normalize(target, path, capacity)) return;
  MUST(strlen(path) < capacity, "a path that does not fit");
  char *rest = path, *part = strsep(&rest, "/");
  MUST(part[0] == '\0', "a relative path: %s", path);
  while ((part = strsep(&rest, "/")) != NULL)
    MUST(part[0] != '\0' && strcmp(part, ".") != 0 && strcmp(part, "..") != 0, "\"%s\" in a path", part);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  fuzz_isolate();
  root = open(SCRATCH, O_PATH | O_DIRECTORY | O_CLOEXEC);
  MUST(mkdirat(root, "etc", 0755) == 0 && mkdirat(root, "process", 0755) == 0, "mkdir");
  MUST(mkdirat(root, "process/ns", 0755) == 0, "mkdir");
  process = openat(root, "process", O_PATH | O_DIRECTORY | O_CLOEXEC);
  put_file(process, "ns/user", (struct bytes){(const uint8_t *)"", 0});
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const checks[])(struct feed *) = {check_user, check_mounts, check_process, check_ids,
                                                  check_glob, check_words,  check_format,  check_link};
  struct feed feed = {data, size};
  checks[feed_below(&feed, 8)](&feed);
  return 0;
}
