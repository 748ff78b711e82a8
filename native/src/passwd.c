// Parses passwd and group files that a hostile tree may have written.
#include "passwd.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"

char *read_beneath(int root, const char *path, size_t limit, size_t *length, struct err *err) {
  uint64_t flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
  auto_close int fd = kernel_open_beneath(root, path, flags, KERNEL_RESOLVE_IN_ROOT | KERNEL_RESOLVE_NO_MAGICLINKS);
  // Kernels without openat2: the callers stand in the tree's root already, so that no link leads out.
  if (fd < 0 && errno == ENOSYS) fd = openat(root, path + (path[0] == '/'), (int)flags | O_CLOEXEC);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return errno = 0, NULL;
  if (fd < 0) return err_system(err, errno, "open", path), errno = EIO, NULL;
  struct stat status;
  if (fstat(fd, &status) < 0) return err_system(err, errno, "fstat", path), errno = EIO, NULL;
  if (!S_ISREG(status.st_mode)) {
    err_fail(err, FAILURE_REFUSED, "open", path, "%s is not a regular file", path);
    return errno = EIO, NULL;
  }
  if (status.st_size > (off_t)limit) {
    err_fail(err, FAILURE_REFUSED, "read", path, "%s is larger than %zu bytes", path, limit);
    return errno = EIO, NULL;
  }
  // One byte more than the size tells a file that grew (or one of procfs, whose size is 0).
  size_t capacity = (size_t)status.st_size + 1, used = 0;
  auto_free char *content = malloc(capacity);
  while (content != NULL && used < capacity) {
    ssize_t got = read(fd, content + used, capacity - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return err_system(err, errno, "read", path), errno = EIO, NULL;
    if (got == 0) break;
    used += (size_t)got;
  }
  if (content == NULL) return err_system(err, ENOMEM, "read", path), errno = EIO, NULL;
  if (used == capacity) used--;
  content[used] = '\0';
  *length = used;
  return steal_pointer(&content);
}

// A decimal id as strictly as it is written: no sign, no blank, no leading zero, not (uid_t)-1.
static bool parse_id(const char *text, uint32_t *out) {
  uint64_t value = 0;
  if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0')) return false;
  for (const char *next = text; *next != '\0'; next++) {
    if (*next < '0' || *next > '9') return false;
    value = value * 10 + (uint64_t)(*next - '0');
    if (value >= UINT32_MAX) return false;
  }
  *out = (uint32_t)value;
  return true;
}

static bool is_all_digits(const char *text) {
  return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static bool is_name(const char *text) {
  size_t length = strlen(text);
  if (length == 0 || length > 255 || strchr("-+~#", text[0]) != NULL || is_all_digits(text)) return false;
  for (const char *next = text; *next != '\0'; next++) {
    if ((unsigned char)*next <= ' ' || *next == 0x7f || *next == ':' || *next == ',' || *next == '/') return false;
  }
  return true;
}

// Lines of a file, one after another, cut into fields at the colons; in place.
struct lines {
  char *next;
  char *end;
};

static size_t next_fields(struct lines *lines, char **fields, size_t capacity) {
  while (lines->next < lines->end) {
    char *line = lines->next;
    char *newline = memchr(line, '\n', (size_t)(lines->end - line));
    char *line_end = newline == NULL ? lines->end : newline;
    lines->next = newline == NULL ? lines->end : newline + 1;
    *line_end = '\0';
    if (strlen(line) != (size_t)(line_end - line)) continue; // holds NUL
    size_t count = 0;
    for (char *field = line; field != NULL && count <= capacity; count++) {
      char *colon = strchr(field, ':');
      if (colon != NULL) *colon = '\0';
      if (count < capacity) fields[count] = field;
      field = colon == NULL ? NULL : colon + 1;
    }
    return count;
  }
  return 0;
}

struct passwd_line {
  const char *name, *home, *shell;
  uint32_t uid, gid;
};

static bool next_passwd(struct lines *lines, struct passwd_line *out) {
  char *fields[7];
  while (lines->next < lines->end) {
    if (next_fields(lines, fields, 7) != 7 || !is_name(fields[0])) continue;
    if (!parse_id(fields[2], &out->uid) || !parse_id(fields[3], &out->gid)) continue;
    out->name = fields[0], out->home = fields[5], out->shell = fields[6];
    return true;
  }
  return false;
}

struct group_line {
  const char *name;
  char *members;
  uint32_t gid;
};

static bool next_group(struct lines *lines, struct group_line *out) {
  char *fields[4];
  while (lines->next < lines->end) {
    if (next_fields(lines, fields, 4) != 4 || !is_name(fields[0]) || !parse_id(fields[2], &out->gid)) continue;
    out->name = fields[0], out->members = fields[3];
    return true;
  }
  return false;
}

static bool copy_field(char *to, size_t capacity, const char *from) {
  size_t length = strlen(from);
  if (length >= capacity) return false;
  memcpy(to, from, length + 1);
  return true;
}

static bool is_member(char *members, const char *name) {
  for (char *member = members; member != NULL;) {
    char *comma = strchr(member, ',');
    if (comma != NULL) *comma = '\0';
    if (strcmp(member, name) == 0) return true;
    member = comma == NULL ? NULL : comma + 1;
  }
  return false;
}

static int compare_gids(const void *left, const void *right) {
  gid_t a = *(const gid_t *)left, b = *(const gid_t *)right;
  return a < b ? -1 : a > b;
}

// The primary group stays first, the others each once; they are in the kernel's own order then.
static void unify_groups(struct user *user) {
  size_t kept = 1;
  if (user->group_count < 2) return;
  qsort(user->groups + 1, user->group_count - 1, sizeof *user->groups, compare_gids);
  for (size_t i = 1; i < user->group_count; i++) {
    if (user->groups[i] == user->groups[0] || (kept > 1 && user->groups[i] == user->groups[kept - 1])) continue;
    user->groups[kept++] = user->groups[i];
  }
  user->group_count = kept;
}

// A file may name a user a million times: equal ones go once there are many, not at each.
static int add_group(struct user *user, gid_t gid) {
  if (user->group_count > 2 * PASSWD_GROUPS_MAX) unify_groups(user);
  if (user->group_count > 2 * PASSWD_GROUPS_MAX) return -1;
  if ((user->group_count & (user->group_count + 1)) == 0 || user->groups == NULL) {
    gid_t *larger = realloc(user->groups, (2 * user->group_count + 2) * sizeof *larger);
    if (larger == NULL) return -1;
    user->groups = larger;
  }
  user->groups[user->group_count++] = gid;
  return 0;
}

static int resolve_user_part(int root, const char *text, bool has_group, struct user *out, struct err *err) {
  bool is_default = text[0] == '\0', is_number = is_all_digits(text), is_found = false;
  uint32_t uid = 0;
  if (is_number && !parse_id(text, &uid))
    return err_fail(err, FAILURE_NO_SUCH_USER, "resolve user", text, "%s is no user id", text);
  if (!is_default && !is_number && !is_name(text))
    return err_fail(err, FAILURE_NO_SUCH_USER, "resolve user", text, "this is neither a user name nor a user id");
  size_t length = 0;
  auto_free char *content = read_beneath(root, "/etc/passwd", PASSWD_SIZE_MAX, &length, err);
  if (content == NULL && errno != 0 && !is_default) return -1;
  struct lines lines = {content, content == NULL ? NULL : content + length};
  struct passwd_line line;
  while (content != NULL && !is_found && next_passwd(&lines, &line)) {
    is_found = is_default || is_number ? line.uid == uid : strcmp(line.name, text) == 0;
    if (!is_found) continue;
    if (!copy_field(out->name, sizeof out->name, line.name) || !copy_field(out->home, sizeof out->home, line.home) ||
        !copy_field(out->shell, sizeof out->shell, line.shell))
      return err_fail(err, FAILURE_NO_SUCH_USER, "resolve user", "/etc/passwd", "the entry of %.64s is too long", text);
    out->uid = line.uid;
    out->gid = is_default ? 0 : line.gid;
  }
  if (is_found) return 0;
  if (is_default) {
    copy_field(out->name, sizeof out->name, "root");
    copy_field(out->home, sizeof out->home, "/root");
    return 0;
  }
  if (!is_number)
    return err_fail(err, FAILURE_NO_SUCH_USER, "resolve user", text, "the tree's /etc/passwd has no user %.100s", text);
  if (!has_group)
    return err_fail(err, FAILURE_NO_SUCH_USER, "resolve user", text,
                    "the tree's /etc/passwd has no user id %s: give its group too, as %s:GROUP", text, text);
  out->uid = uid;
  return 0;
}

static int fail_many(struct err *err) {
  return err_fail(err, FAILURE_REFUSED, "resolve group", "/etc/group",
                  "the tree's /etc/group puts this user into more than %u groups: the kernel takes no more",
                  PASSWD_GROUPS_MAX);
}

static int resolve_groups(int root, const char *group, struct user *out, struct err *err) {
  bool is_number = group != NULL && is_all_digits(group), is_found = group == NULL;
  uint32_t gid = 0;
  if (group != NULL && !(is_number ? parse_id(group, &gid) : is_name(group)))
    return err_fail(err, FAILURE_NO_SUCH_USER, "resolve group", group, "this is neither a group name nor a group id");
  size_t length = 0;
  auto_free char *content = read_beneath(root, "/etc/group", PASSWD_SIZE_MAX, &length, err);
  if (content == NULL && errno != 0) return -1;
  gid_t own = out->gid;
  if (is_number) out->gid = gid, is_found = true;
  struct lines lines = {content, content == NULL ? NULL : content + length};
  struct group_line line;
  // The primary group's place is the first.
  if (add_group(out, out->gid) < 0) return err_system(err, ENOMEM, "resolve group", "");
  while (content != NULL && next_group(&lines, &line)) {
    if (!is_found && strcmp(line.name, group) == 0) out->groups[0] = out->gid = line.gid, is_found = true;
    if (out->name[0] != '\0' && is_member(line.members, out->name) && add_group(out, line.gid) < 0)
      return fail_many(err);
  }
  if (!is_found)
    return err_fail(err, FAILURE_NO_SUCH_USER, "resolve group", group, "the tree's /etc/group has no group %.100s",
                    group);
  if (group != NULL && out->name[0] != '\0' && add_group(out, own) < 0) return fail_many(err);
  unify_groups(out);
  return out->group_count > PASSWD_GROUPS_MAX ? fail_many(err) : 0;
}

int user_resolve(int root, const char *spec, struct user *out, struct err *err) {
  *out = (struct user){.shell = "/bin/sh"};
  char user_part[512];
  if (!copy_field(user_part, sizeof user_part, spec))
    return err_fail(err, FAILURE_NO_SUCH_USER, "resolve user", "", "a user name this long does not exist");
  char *colon = strchr(user_part, ':');
  if (colon != NULL) *colon = '\0';
  if (colon == user_part)
    return err_fail(err, FAILURE_NO_SUCH_USER, "resolve user", spec, "a group without a user; write USER:GROUP");
  if (resolve_user_part(root, user_part, colon != NULL, out, err) < 0) return -1;
  // Root without a name of the tree's is root alone: no file of the tree adds to its groups.
  if (user_part[0] == '\0') {
    if (add_group(out, 0) < 0) return err_system(err, ENOMEM, "resolve group", "");
  } else if (resolve_groups(root, colon == NULL ? NULL : colon + 1, out, err) < 0) {
    user_free(out);
    return -1;
  }
  if (out->shell[0] != '/') copy_field(out->shell, sizeof out->shell, "/bin/sh");
  if (out->home[0] != '/') copy_field(out->home, sizeof out->home, "/");
  return 0;
}

void user_free(struct user *user) {
  free(user->groups);
  user->groups = NULL;
  user->group_count = 0;
}

bool user_name_of(int root, uid_t uid, char *name, size_t capacity) {
  struct err ignored; // absent and unreadable mean the same here: no subuids by name
  size_t length = 0;
  auto_free char *content = read_beneath(root, "/etc/passwd", PASSWD_SIZE_MAX, &length, &ignored);
  struct lines lines = {content, content == NULL ? NULL : content + length};
  struct passwd_line line;
  while (content != NULL && next_passwd(&lines, &line)) {
    if (line.uid == uid) return copy_field(name, capacity, line.name);
  }
  return false;
}
