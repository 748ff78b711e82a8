// Changes that make file content: WRITE_FILE and COPY_FILE.
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"
#include "content.h"
#include "temp.h"
#include "tree.h"

#define COPY_PIECE (16u * 1024u * 1024u)

static int write_all(struct tree *tree, int fd, const uint8_t *data, size_t length, const char *path, struct err *err) {
  while (length > 0) {
    ssize_t written = write(fd, data, length < COPY_PIECE ? length : COPY_PIECE);
    beat_step(tree->beat);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return err_system(err, errno, "write", path);
    data += written;
    length -= (size_t)written;
  }
  return 0;
}

void to_timespec(const struct time_spec *spec, struct timespec *out) {
  out->tv_sec = (time_t)spec->time.seconds;
  out->tv_nsec = spec->kind == 0 ? UTIME_OMIT : spec->kind == 1 ? UTIME_NOW : (long)spec->time.nanoseconds;
}

int content_map(const struct blob_store *blobs, const struct content *content, struct bytes *out, struct bytes *mapped,
                struct err *err) {
  *mapped = (struct bytes){(const uint8_t *)"", 0};
  if (content->kind == 0) {
    *out = content->bytes;
    return 0;
  }
  if (blob_map(blobs, content->sha256, mapped, err) != 0) return -1;
  *out = *mapped;
  return 0;
}

// 1. In place, for files that are mounts: the inode stays, so another name of it would see the change. Refused where
// there is one.
static int write_in_place(struct tree *tree, const struct root *root, const struct change *change,
                          const struct place *place, const struct bytes *content, struct err *err) {
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {0}};
  struct temp file = TEMP_NONE;
  struct attributes wanted = {change->mode, change->uid, change->gid, &place->stat};
  auto_close int fd = -1;
  if (S_ISREG(place->stat.st_mode) && place->stat.st_nlink > 1) {
    return err_fail(err, FAILURE_REFUSED, "open", change->path,
                    "The file has other names (hard links), which would change with it.");
  }
  fd = place_open(root, place, O_RDWR, change->path, err);
  if (fd < 0 || expect_again(change, place, err) != 0) return -1;
  if (write_all(tree, fd, content->data, content->length, change->path, err) != 0) return -1;
  if (ftruncate(fd, (off_t)content->length) != 0) return err_system(err, errno, "ftruncate", change->path);
  file.fd = fd;
  if (temp_set_attributes(&file, &wanted, change->path, err) != 0) return -1;
  to_timespec(&change->mtime, &times[1]);
  if (futimens(fd, times) != 0) return err_system(err, errno, "utimens", change->path);
  beat_sync(tree->beat);
  return temp_sync(&file, change->path, err);
}

static int missing_parent(const struct place *place, const char *path, struct err *err) {
  return err_fail_errno(err, FAILURE_SYSTEM, place->absence, "open", path,
                        "The directory that it should lie in does not exist.");
}

// What a change that puts something at a path needs: the parent, expectations met, no directory there.
int place_for_new(struct tree *tree, const struct root *root, const struct change *change, unsigned flags,
                  struct place *out, struct err *err) {
  if (place_find(root, change->path, PLACE_PARENT | flags, out, err) != 0) return -1;
  if (expect_check(tree, root, change, out, err) != 0) return -1;
  if (out->parent < 0) return missing_parent(out, change->path, err);
  if (out->fd >= 0 && S_ISDIR(out->stat.st_mode)) return err_system(err, EISDIR, "rename", change->path);
  return 0;
}

static int keep_xattrs(const struct root *root, const struct place *place, struct temp *temp, const char *path,
                       struct err *err) {
  auto_close int old = -1;
  if (place->fd < 0 || !S_ISREG(place->stat.st_mode)) return 0;
  old = place_open(root, place, O_RDONLY, path, err);
  return old < 0 ? -1 : copy_xattrs(old, temp->fd, XATTR_BUT_OF_CONTENT, path, err);
}

// 2. The last steps of every replacement: what was expected is still there, and the new file takes its name.
int swap_in(struct tree *tree, const struct root *root, const struct change *change, const struct place *place,
            struct temp *temp, struct err *err) {
  beat_sync(tree->beat);
  if (temp_sync(temp, change->path, err) != 0) return -1;
  beat_step(tree->beat);
  if (expect_again(change, place, err) != 0) return -1;
  return temp_place(temp, root, place->name, expects_absence(change), change->path, err);
}

int change_write_file(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {0}};
  __attribute__((cleanup(blob_unmap))) struct bytes mapped = {0};
  struct bytes content;
  auto_place struct place place = PLACE_NONE;
  auto_temp struct temp temp = TEMP_NONE;
  struct attributes wanted = {change->mode, change->uid, change->gid, NULL};
  if (content_map(&tree->blobs, &change->content, &content, &mapped, err) != 0) return -1;
  if (place_for_new(tree, root, change, change->flags & WRITE_FOLLOW ? PLACE_FOLLOW : 0, &place, err) != 0) return -1;
  if ((change->flags & WRITE_IN_PLACE) && place.fd >= 0)
    return write_in_place(tree, root, change, &place, &content, err);
  if (place.fd >= 0) wanted.replaced = &place.stat;
  if (temp_create(&temp, place.parent, change->path, err) != 0) return -1;
  if (write_all(tree, temp.fd, content.data, content.length, change->path, err) != 0) return -1;
  if (keep_xattrs(root, &place, &temp, change->path, err) != 0) return -1;
  if (temp_set_attributes(&temp, &wanted, change->path, err) != 0) return -1;
  to_timespec(&change->mtime, &times[1]);
  if (change->mtime.kind != 0 && futimens(temp.fd, times) != 0) return err_system(err, errno, "utimens", change->path);
  return swap_in(tree, root, change, &place, &temp, err);
}

// 3. Copies of files: shared extents, else within the kernel, else by hand.
static int copy_by_hand(struct tree *tree, int from, int to, const char *path, struct err *err) {
  uint8_t *data = buffer_reserve(&tree->scratch, SCRATCH_SIZE);
  for (;;) {
    ssize_t got = read(from, data, SCRATCH_SIZE);
    beat_step(tree->beat);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return err_system(err, errno, "read", path);
    if (got == 0) return 0;
    if (write_all(tree, to, data, (size_t)got, path, err) != 0) return -1;
  }
}

int copy_content(struct tree *tree, int from, int to, const char *path, struct err *err) {
  bool has_copied = false;
  if (ioctl(to, FICLONE, from) == 0) return 0;
  for (;;) {
    ssize_t copied = copy_file_range(from, NULL, to, NULL, COPY_PIECE, 0);
    beat_step(tree->beat);
    if (copied < 0 && errno == EINTR) continue;
    if (copied > 0) {
      has_copied = true;
      continue;
    }
    // Nothing at once: the end, or a file of procfs and the like, whose size says nothing. Reading tells.
    if (copied == 0 || !has_copied) return copy_by_hand(tree, from, to, path, err);
    return err_system(err, errno, "copy_file_range", path);
  }
}

int change_copy_file(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  auto_place struct place source = PLACE_NONE;
  auto_temp struct temp temp = TEMP_NONE;
  auto_close int from = -1;
  struct attributes wanted = {change->mode, change->uid, change->gid, NULL};
  if (place_find(root, change->other, change->flags & COPY_FOLLOW ? PLACE_FOLLOW : 0, &source, err) != 0) return -1;
  if (source.fd < 0) return err_system(err, source.absence, "open", change->other);
  from = place_open(root, &source, O_RDONLY, change->other, err);
  if (from < 0 || place_for_new(tree, root, change, 0, &place, err) != 0) return -1;
  if (place.fd >= 0) wanted.replaced = &place.stat;
  if (temp_create(&temp, place.parent, change->path, err) != 0) return -1;
  if (copy_content(tree, from, temp.fd, change->other, err) != 0) return -1;
  if (change->flags & COPY_KEEP_XATTRS) {
    if (copy_xattrs(from, temp.fd, XATTR_ALL, change->path, err) != 0) return -1;
  } else if (keep_xattrs(root, &place, &temp, change->path, err) != 0) {
    return -1;
  }
  if (temp_set_attributes(&temp, &wanted, change->path, err) != 0) return -1;
  if (change->flags & COPY_KEEP_TIMES) {
    struct timespec times[2] = {source.stat.st_atim, source.stat.st_mtim};
    if (futimens(temp.fd, times) != 0) return err_system(err, errno, "utimens", change->path);
  }
  return swap_in(tree, root, change, &place, &temp, err);
}

// 4. A file with several names gets a copy of its own under this one; the others keep the old inode.
int replace_by_copy(struct tree *tree, const struct root *root, const struct change *change, const struct place *place,
                    struct temp *temp, struct err *err) {
  struct attributes wanted = {MODE_KEEP, ID_KEEP, ID_KEEP, &place->stat};
  struct timespec times[2] = {place->stat.st_atim, place->stat.st_mtim};
  auto_close int from = place_open(root, place, O_RDONLY, change->path, err);
  if (from < 0 || temp_create(temp, place->parent, change->path, err) != 0) return -1;
  if (copy_content(tree, from, temp->fd, change->path, err) != 0) return -1;
  if (copy_xattrs(from, temp->fd, XATTR_ALL, change->path, err) != 0) return -1;
  if (temp_set_attributes(temp, &wanted, change->path, err) != 0) return -1;
  return futimens(temp->fd, times) == 0 ? 0 : err_system(err, errno, "utimens", change->path);
}
