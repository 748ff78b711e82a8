// Looks at what lies at a path: STAT and HASH.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "hash.h"
#include "running.h"
#include "subvolume.h"
#include "tree.h"

// A hash over a sparse file of exbibytes must end too.
#define HASH_SECONDS_MAX 600

// What the statfs of a thing says, and whether it is a subvolume: 0 no, 1 one, 2 a read-only one.
static int put_file_system(struct buffer *out, const struct place *place, const char *path, struct err *err) {
  struct err ignored;
  struct statfs file_system = {0};
  int read_only = -1;
  if (place->fd >= 0 && fstatfs(place->fd, &file_system) != 0) return err_system(err, errno, "statfs", path);
  if (place->fd >= 0 && is_subvolume(place->fd)) {
    auto_close int fd = place_open_directory(place, "", &ignored);
    read_only = fd < 0 ? 0 : subvolume_is_read_only(fd);
  }
  put_u64(out, (unsigned long)file_system.f_type);
  put_u8(out, (uint8_t)(read_only + 1));
  return 0;
}

static uint32_t file_flags(const struct root *root, const struct place *place) {
  struct err ignored;
  auto_close int fd = -1;
  int flags = 0;
  if (S_ISREG(place->stat.st_mode)) {
    fd = place_open(root, place, O_RDONLY, "", &ignored);
  } else if (S_ISDIR(place->stat.st_mode)) {
    fd = place_open_directory(place, "", &ignored);
  }
  // A file system without flags is no failure: they are not known.
  if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return FLAGS_UNKNOWN;
  return (uint32_t)flags;
}

int put_place(struct tree *tree, const struct root *root, const char *asked, const struct place *place, bool has_flags,
              struct buffer *out, struct err *err) {
  struct node_value node = {.type = TYPE_ABSENT, .flags = FLAGS_UNKNOWN, .target = {(const uint8_t *)"", 0}};
  char target[PATH_MAX];
  beat_step(tree->beat);
  put_str(out, strcmp(place->real, asked) == 0 ? "" : place->real);
  if (place->fd >= 0) {
    node.type = stat_type_of(place->stat.st_mode);
    node.stat = place->stat;
    if (has_flags) node.flags = file_flags(root, place);
  }
  if (node.type == TYPE_LINK) {
    ssize_t length = readlinkat(place->fd, "", target, sizeof target);
    if (length < 0) return err_system(err, errno, "readlink", asked);
    node.target = (struct bytes){(const uint8_t *)target, (size_t)length};
  }
  ids_show(&root->ids, &node.stat);
  put_node(out, &node);
  return 0;
}

static unsigned place_flags(const struct probe *probe) {
  return probe->flags & PROBE_FOLLOW ? PLACE_FOLLOW : 0;
}

int probe_stat(struct tree *tree, const struct probe *probe, struct buffer *out, struct err *err) {
  const struct root *root = tree_root(tree, probe->at_host);
  auto_place struct place place = PLACE_NONE;
  if (place_find(root, probe->path, place_flags(probe), &place, err) != 0) return -1;
  if (put_place(tree, root, probe->path, &place, (probe->flags & PROBE_FILE_FLAGS) != 0, out, err) != 0) return -1;
  return probe->flags & PROBE_FILE_SYSTEM ? put_file_system(out, &place, probe->path, err) : 0;
}

int hash_file(struct tree *tree, int fd, unsigned algorithms, const char *path, struct digests *out, struct err *err) {
  struct hash hashes[6];
  size_t count = 0;
  uint8_t *data = buffer_reserve(&tree->scratch, SCRATCH_SIZE);
  int64_t start = running_now_ms();
  for (unsigned bit = 1; bit <= HASH_SHA512; bit <<= 1) {
    if (algorithms & bit) hash_start(&hashes[count++], (enum hash_algorithm)bit);
  }
  for (uint64_t offset = 0;;) {
    ssize_t got = pread(fd, data, SCRATCH_SIZE, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return err_system(err, errno, "read", path);
    if (got == 0) break;
    for (size_t i = 0; i < count; i++) hash_add(&hashes[i], data, (size_t)got);
    offset += (uint64_t)got;
    beat_step(tree->beat);
    if (running_now_ms() - start > HASH_SECONDS_MAX * 1000) {
      return err_fail(err, FAILURE_DEADLINE, "read", path, "Hashing took longer than %d s.", HASH_SECONDS_MAX);
    }
  }
  out->count = count;
  for (size_t i = 0; i < count; i++) out->sizes[i] = (uint8_t)hash_end(&hashes[i], out->values[i]);
  return 0;
}

// The order in which a file system lists attributes does not count: the digests of all are added up. Whatever an overlay
// keeps for itself in them is no part of the file.
static int hash_xattrs(struct tree *tree, int fd, const char *path, struct digests *out, struct err *err) {
  char *names = (char *)buffer_reserve(&tree->scratch, SCRATCH_SIZE);
  uint8_t *value = (uint8_t *)names + XATTR_LIST_MAX, digest[HASH_SIZE_MAX], *sum = out->values[out->count];
  uint8_t *size_of_sum = &out->sizes[out->count++];
  ssize_t length = flistxattr(fd, names, XATTR_LIST_MAX), size;
  struct hash hash;
  memset(sum, 0, 32);
  *size_of_sum = 0;
  if (length < 0) return errno == EOPNOTSUPP ? 0 : err_system(err, errno, "listxattr", path);
  for (const char *name = names; name < names + length; name += strlen(name) + 1) {
    if (strstr(name, "overlay.") != NULL) continue;
    size = fgetxattr(fd, name, value, XATTR_SIZE_MAX);
    if (size < 0 && errno == ENODATA) continue;
    if (size < 0) return err_system(err, errno, "getxattr", path);
    hash_start(&hash, HASH_SHA256);
    hash_add(&hash, name, strlen(name) + 1);
    hash_add(&hash, value, (size_t)size);
    hash_end(&hash, digest);
    for (size_t i = 0; i < 32; i++) sum[i] = (uint8_t)(sum[i] + digest[i]);
    *size_of_sum = 32;
  }
  return 0;
}

int hash_thing(struct tree *tree, int fd, const struct stat *stat, unsigned algorithms, const char *path,
               struct digests *out, struct err *err) {
  if (S_ISREG(stat->st_mode)) {
    if ((algorithms & HASH_ALL) && hash_file(tree, fd, algorithms & HASH_ALL, path, out, err) != 0) return -1;
  } else {
    // They have no content: empty digests.
    for (unsigned bit = 1; bit <= HASH_SHA512; bit <<= 1)
      if (algorithms & bit) out->sizes[out->count++] = 0;
  }
  return algorithms & HASH_XATTRS ? hash_xattrs(tree, fd, path, out, err) : 0;
}

void put_digests(struct buffer *out, const struct digests *digests) {
  put_u32(out, (uint32_t)digests->count);
  for (size_t i = 0; i < digests->count; i++) put_bytes(out, digests->values[i], digests->sizes[i]);
}

bool has_digests(const struct stat *stat, unsigned algorithms) {
  return S_ISREG(stat->st_mode) || ((algorithms & HASH_XATTRS) && S_ISDIR(stat->st_mode));
}

int probe_hash(struct tree *tree, const struct probe *probe, struct buffer *out, struct err *err) {
  const struct root *root = tree_root(tree, probe->at_host);
  auto_place struct place place = PLACE_NONE;
  auto_close int fd = -1;
  struct digests digests = {0};
  if (probe->algorithms & ~(HASH_ALL | HASH_XATTRS))
    return err_fail(err, FAILURE_BAD_REQUEST, "hash", probe->path, "Unknown algorithm.");
  if (place_find(root, probe->path, place_flags(probe), &place, err) != 0) return -1;
  if (put_place(tree, root, probe->path, &place, false, out, err) != 0) return -1;
  if (place.fd >= 0 && has_digests(&place.stat, probe->algorithms)) {
    fd = S_ISREG(place.stat.st_mode) ? place_open(root, &place, O_RDONLY, probe->path, err)
                                     : place_open_directory(&place, probe->path, err);
    if (fd < 0 || hash_thing(tree, fd, &place.stat, probe->algorithms, probe->path, &digests, err) != 0) return -1;
  }
  put_digests(out, &digests);
  return 0;
}
