// Finds the paths that match a shell pattern: GLOB.
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fatal.h"
#include "glob.h"
#include "running.h"
#include "tree.h"

#define PATHS_MAX 1000000u
#define BYTES_MAX (64u * 1024u * 1024u)

struct paths {
  char **items;
  size_t count;
  size_t capacity;
  int64_t begin;  // of the walk
  size_t bytes;  // of all paths
};

static void paths_free(struct paths *paths) {
  for (size_t i = 0; i < paths->count; i++) free(paths->items[i]);
  free(paths->items);
  *paths = (struct paths){0};
}

static void paths_add(struct paths *paths, const char *parent, const char *name) {
  char *path;
  if (paths->count == paths->capacity) {
    paths->capacity = paths->capacity == 0 ? 16 : paths->capacity * 2;
    paths->items = realloc(paths->items, paths->capacity * sizeof *paths->items);
    if (paths->items == NULL) fatal("no memory");
  }
  path = allocate(1, strlen(parent) + 1 + strlen(name) + 1);
  strcpy(path, parent);
  strcat(path, "/");
  strcat(path, name);
  paths->items[paths->count++] = path;
  paths->bytes += strlen(path) + 1;
}

static bool too_many(const struct paths *paths, const char *where, struct err *err) {
  if (paths->count <= PATHS_MAX && paths->bytes <= BYTES_MAX) return false;
  err_fail(err, FAILURE_REFUSED, "glob", where, "The pattern matches more than %u paths, or %u MiB of them.", PATHS_MAX,
           BYTES_MAX >> 20);
  return true;
}

// What matches one component of the pattern in one directory. A directory that is none, or is gone, has nothing.
static int match_in(struct tree *tree, const struct root *root, const char *directory, const char *pattern,
                    struct paths *out, struct err *err) {
  auto_place struct place place = PLACE_NONE;
  auto_closedir DIR *stream = NULL;
  struct dirent *entry;
  int fd;
  beat_step(tree->beat);
  if (place_find(root, directory[0] == '\0' ? "/" : directory, PLACE_FOLLOW, &place, err) != 0) {
    return err->errno_ == ELOOP || err->errno_ == EACCES || err->errno_ == ENAMETOOLONG ? 0 : -1;
  }
  if (place.fd < 0 || !S_ISDIR(place.stat.st_mode)) return 0;
  fd = place_open_directory(&place, directory, err);
  if (fd < 0) return err->errno_ == EACCES ? 0 : -1;
  stream = fdopendir(fd);
  if (stream == NULL) {
    close(fd);
    return err_system(err, errno, "fdopendir", directory);
  }
  for (;;) {
    errno = 0;
    entry = readdir(stream);
    if (entry == NULL) return errno == 0 || errno == ENOENT ? 0 : err_system(err, errno, "readdir", directory);
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (glob_matches(pattern, entry->d_name)) paths_add(out, directory, entry->d_name);
    if (too_many(out, directory, err)) return -1;
    if (tree_step(tree, out->begin, directory, err) != 0) return -1;
  }
}

// A component without a pattern is only appended; whether it exists is asked at the end.
static int match_component(struct tree *tree, const struct root *root, const char *component, struct paths *paths,
                           struct err *err) {
  __attribute__((cleanup(paths_free))) struct paths next = {.begin = paths->begin};
  for (size_t i = 0; i < paths->count; i++) {
    if (!glob_is_pattern(component)) {
      paths_add(&next, paths->items[i], component);
      if (too_many(&next, paths->items[i], err)) return -1;
    } else if (match_in(tree, root, paths->items[i], component, &next, err) != 0) {
      return -1;
    }
  }
  struct paths swap = *paths;
  *paths = next;
  next = swap;
  return 0;
}

// 1, 0, or -1: that cannot be told.
static int exists(const struct root *root, const char *path, struct err *err) {
  auto_place struct place place = PLACE_NONE;
  if (place_find(root, path, 0, &place, err) == 0) return place.fd >= 0;
  return err->errno_ == ELOOP || err->errno_ == EACCES || err->errno_ == ENAMETOOLONG ? 0 : -1;
}

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

int probe_glob(struct tree *tree, const struct probe *probe, struct buffer *out, struct err *err) {
  const struct root *root = tree_root(tree, probe->at_host);
  __attribute__((cleanup(paths_free))) struct paths paths = {.begin = running_now_ms()};
  auto_free char *pattern = strdup(probe->path);
  char *rest = pattern, *component;
  uint32_t count = 0;
  size_t count_at;
  if (pattern == NULL) fatal("no memory");
  if (pattern[0] != '/') return err_fail(err, FAILURE_BAD_REQUEST, "glob", probe->path, "The path is not absolute.");
  // Each path that it matches takes its length, and each name its time.
  if (strlen(pattern) >= PATH_MAX) return err_system(err, ENAMETOOLONG, "glob", probe->path);
  paths.items = allocate(1, sizeof *paths.items);
  paths.items[0] = allocate(1, 1);
  paths.count = paths.capacity = 1;
  while ((component = strsep(&rest, "/")) != NULL) {
    if (component[0] != '\0' && match_component(tree, root, component, &paths, err) != 0) return -1;
  }
  if (paths.count > 0) qsort(paths.items, paths.count, sizeof *paths.items, compare);
  put_str(out, "");
  count_at = out->length;
  put_u32(out, 0);
  for (size_t i = 0; i < paths.count && count < probe->limit; i++) {
    const char *path = paths.items[i][0] == '\0' ? "/" : paths.items[i];
    int is_there = exists(root, path, err);
    if (is_there < 0 || tree_step(tree, paths.begin, path, err) != 0) return -1;
    if (is_there == 0) continue;
    put_str(out, path);
    count++;
  }
  set_u32(out, count_at, count);
  return 0;
}
