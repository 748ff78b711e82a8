// Lists what is beneath a directory: LIST.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "hash.h"
#include "running.h"
#include "tree.h"

// A descriptor is held for every level: deeper ones are cut off and told.
#define LEVELS_MAX 256
#define BYTES_MAX (64u * 1024u * 1024u)

struct level {
  DIR *directory;
  size_t name_length;  // of its own relative name, in `name`
  bool was_touched;    // all its names are listed
};

struct listing {
  struct tree *tree;
  const struct root *root;
  const struct probe *probe;
  dev_t device;
  struct level levels[LEVELS_MAX];
  size_t depth;
  struct buffer name;  // relative name of the directory at hand, with a slash at its end
  struct buffer entries;
  uint32_t count;
  int64_t begin;
  bool is_truncated;
};

static void cleanup_listing(struct listing *listing) {
  while (listing->depth > 0) closedir(listing->levels[--listing->depth].directory);
  buffer_free(&listing->name);
  buffer_free(&listing->entries);
}

static bool was_touched(const struct probe *probe, const struct stat *stat) {
  if (!probe->has_since || stat->st_ctim.tv_sec != probe->since.tv_sec)
    return !probe->has_since || stat->st_ctim.tv_sec > probe->since.tv_sec;
  return stat->st_ctim.tv_nsec >= probe->since.tv_nsec;
}

static int push(struct listing *listing, int fd, size_t name_length, const struct stat *stat, const char *name,
                struct err *err) {
  DIR *directory = fdopendir(fd);
  if (directory == NULL) {
    err_system(err, errno, "fdopendir", name);
    close(fd);
    return -1;
  }
  listing->levels[listing->depth++] = (struct level){directory, name_length, was_touched(listing->probe, stat)};
  return 0;
}

// What was replaced or removed meanwhile has no digests.
static int put_entry_digests(struct listing *listing, int parent, const char *name, const struct stat *stat,
                             struct buffer *out, struct err *err) {
  struct digests digests = {0};
  struct place place = {.parent = parent, .fd = -1};
  auto_close int path_fd = -1;
  auto_close int fd = -1;
  if (listing->probe->algorithms != 0 && has_digests(stat, listing->probe->algorithms)) {
    path_fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (path_fd < 0 && errno != ENOENT && errno != EACCES) return err_system(err, errno, "open", name);
    if (path_fd >= 0 && fstat(path_fd, &place.stat) == 0 && is_same_object(stat, &place.stat)) {
      place.fd = path_fd;
      strcpy(place.name, name);
      fd = S_ISREG(stat->st_mode) ? place_open(listing->root, &place, O_RDONLY, name, err)
                                  : place_open_directory(&place, name, err);
      // A directory that must not be looked into has none.
      if (fd < 0 && S_ISDIR(stat->st_mode) && (err->errno_ == EACCES || err->errno_ == ENOENT)) {
        put_digests(out, &digests);
        return 0;
      }
      if (fd < 0 || hash_thing(listing->tree, fd, stat, listing->probe->algorithms, name, &digests, err) != 0)
        return -1;
    }
  }
  put_digests(out, &digests);
  return 0;
}

static int put_one(struct listing *listing, int parent, const char *name, const struct stat *stat, struct err *err) {
  struct node_value node = {.type = stat_type_of(stat->st_mode), .stat = *stat, .flags = FLAGS_UNKNOWN};
  char target[PATH_MAX];
  struct buffer *out = &listing->entries;
  put_u32(out, (uint32_t)(listing->name.length + strlen(name)));
  put_raw(out, listing->name.data, listing->name.length);
  put_raw(out, name, strlen(name));
  if (node.type == TYPE_LINK) {
    ssize_t length = readlinkat(parent, name, target, sizeof target);
    // Gone, or no link any more.
    if (length < 0 && errno != ENOENT && errno != EINVAL) return err_system(err, errno, "readlink", name);
    node.target = (struct bytes){(const uint8_t *)target, length < 0 ? 0 : (size_t)length};
  }
  ids_show(&listing->root->ids, &node.stat);
  put_node(out, &node);
  listing->count++;
  return put_entry_digests(listing, parent, name, stat, out, err);
}

static bool may_descend(const struct listing *listing) {
  return listing->probe->depth == 0 || listing->depth < listing->probe->depth;
}

// Gone, replaced by something else, another file system, or not to be looked into: it stays listed without what is beneath it.
static bool has_nothing_beneath(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EXDEV || error == EACCES || error == EPERM;
}

static int descend(struct listing *listing, int parent, const char *name, const struct stat *stat, struct err *err) {
  size_t before = listing->name.length;
  int fd;
  if (listing->depth == LEVELS_MAX) {
    listing->is_truncated = true;
    return 0;
  }
  fd = open_subdirectory(listing->root, parent, name, listing->device);
  if (fd < 0) return has_nothing_beneath(errno) ? 0 : err_system(err, errno, "open", name);
  put_raw(&listing->name, name, strlen(name));
  put_u8(&listing->name, '/');
  return push(listing, fd, listing->name.length - before, stat, name, err);
}

static int step(struct listing *listing, struct err *err) {
  struct level *level = &listing->levels[listing->depth - 1];
  int parent = dirfd(level->directory);
  struct stat stat;
  errno = 0;
  struct dirent *entry = readdir(level->directory);
  if (tree_step(listing->tree, listing->begin, listing->probe->path, err) != 0) return -1;
  if (entry == NULL) {
    // ENOENT: it was removed meanwhile. What cannot be read to its end must not pass for all that there is.
    if (errno != 0 && errno != ENOENT) return err_system(err, errno, "readdir", listing->probe->path);
    listing->name.length -= level->name_length;
    closedir(level->directory);
    listing->depth--;
    return 0;
  }
  if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) return 0;
  if (listing->count >= listing->probe->limit || listing->entries.length > BYTES_MAX) {
    listing->is_truncated = true;
    return 0;
  }
  // A file system of the tree's own making (FUSE) may have names that are longer than the C library knows.
  if (strlen(entry->d_name) > NAME_MAX) return err_system(err, ENAMETOOLONG, "readdir", listing->probe->path);
  if (fstatat(parent, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? 0 : err_system(err, errno, "fstatat", entry->d_name);
  }
  if ((level->was_touched || was_touched(listing->probe, &stat)) &&
      put_one(listing, parent, entry->d_name, &stat, err) != 0)
    return -1;
  if (S_ISDIR(stat.st_mode) && may_descend(listing)) return descend(listing, parent, entry->d_name, &stat, err);
  return 0;
}

static bool is_full(const struct listing *listing) {
  return listing->is_truncated && (listing->count >= listing->probe->limit || listing->entries.length > BYTES_MAX);
}

int probe_list(struct tree *tree, const struct probe *probe, struct buffer *out, struct err *err) {
  const struct root *root = tree_root(tree, probe->at_host);
  auto_place struct place place = PLACE_NONE;
  __attribute__((cleanup(cleanup_listing))) struct listing listing = {
      .tree = tree, .root = root, .probe = probe, .begin = running_now_ms()};
  if (probe->algorithms & ~(HASH_ALL | HASH_XATTRS))
    return err_fail(err, FAILURE_BAD_REQUEST, "list", probe->path, "Unknown algorithm.");
  if (place_find(root, probe->path, PLACE_FOLLOW, &place, err) != 0) return -1;
  if (put_place(tree, root, probe->path, &place, false, out, err) != 0) return -1;
  if (place.fd >= 0 && S_ISDIR(place.stat.st_mode)) {
    int fd = place_open_directory(&place, probe->path, err);
    if (fd < 0) return -1;
    listing.device = place.stat.st_dev;
    if (push(&listing, fd, 0, &place.stat, probe->path, err) != 0) return -1;
    while (listing.depth > 0 && !is_full(&listing)) {
      if (step(&listing, err) != 0) return -1;
    }
  }
  put_u8(out, listing.is_truncated);
  put_u32(out, listing.count);
  put_raw(out, listing.entries.data, listing.entries.length);
  return 0;
}
