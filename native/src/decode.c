// Decodes the controller's requests.
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "codec.h"

void finish(struct cursor *cursor) {
  if (cursor->left > 0) cursor_break(cursor);
}

static struct content get_content(struct cursor *cursor) {
  struct content content = {.kind = get_u8(cursor)};
  if (content.kind == 0) {
    content.bytes = get_bytes(cursor);
  } else if (content.kind == 1) {
    content.sha256 = get_raw(cursor, 32);
  } else {
    cursor_break(cursor);
  }
  return content;
}

static struct time_spec get_time_spec(struct cursor *cursor) {
  struct time_spec spec = {.kind = get_u8(cursor)};
  if (spec.kind == 2) {
    spec.time.seconds = (int64_t)get_u64(cursor);
    spec.time.nanoseconds = get_u32(cursor);
    if (spec.time.nanoseconds > 999999999) cursor_break(cursor);
  } else if (spec.kind > 2) {
    cursor_break(cursor);
  }
  return spec;
}

static uint16_t get_mode(struct cursor *cursor) {
  uint16_t mode = get_u16(cursor);
  if (mode != MODE_KEEP && mode > 07777) cursor_break(cursor);
  return mode;
}

static void get_owner(struct cursor *cursor, struct change *change) {
  change->uid = get_u32(cursor);
  change->gid = get_u32(cursor);
}

static struct bytes_list get_bytes_list(struct cursor *cursor) {
  struct bytes_list list = {.count = get_count(cursor, 4)};
  if (list.count == 0) return list;
  list.items = allocate(list.count, sizeof *list.items);
  for (size_t i = 0; i < list.count; i++) list.items[i] = get_bytes(cursor);
  return list;
}

static char **get_string_list(struct cursor *cursor, size_t *count) {
  char **list;
  *count = get_count(cursor, 4);
  list = allocate(*count + 1, sizeof *list);
  // execve takes char *const[] for historical reasons: nothing writes to them.
  for (size_t i = 0; i < *count; i++) list[i] = (char *)(uintptr_t)get_string(cursor);
  return list;
}

static bool is_plain_name(const char *name) {
  return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

// Beneath /dev, and no part of it empty or a way up.
static bool is_device_path(const char *path) {
  if (strncmp(path, "/dev/", 5) != 0) return false;
  for (const char *part = path + 5;; part++) {
    size_t length = strcspn(part, "/");
    if (length == 0 || strncmp(part, "..", length) == 0) return false;
    part += length;
    if (*part == '\0') return true;
  }
}

static void get_files(struct cursor *cursor, struct exec_spec *spec) {
  spec->file_count = get_count(cursor, 4 + 2 + 1 + 4);
  spec->files = allocate(spec->file_count, sizeof *spec->files);
  for (size_t i = 0; i < spec->file_count; i++) {
    spec->files[i].name = get_string(cursor);
    spec->files[i].mode = get_mode(cursor);
    spec->files[i].content = get_content(cursor);
    if (!is_plain_name(spec->files[i].name) || spec->files[i].mode == MODE_KEEP) cursor_break(cursor);
  }
}

static void get_exec(struct cursor *cursor, struct exec_spec *spec) {
  size_t argument_count, variable_count;
  *spec = (struct exec_spec){0};
  spec->argv = get_string_list(cursor, &argument_count);
  spec->environment = get_string_list(cursor, &variable_count);
  if (argument_count == 0) cursor_break(cursor);
  spec->directory = get_string(cursor);
  spec->user = get_string(cursor);
  spec->flags = get_u32(cursor);
  spec->stdin_kind = get_u8(cursor);
  if (spec->stdin_kind == STDIN_BYTES) spec->stdin_bytes = get_bytes(cursor);
  if (spec->stdin_kind == STDIN_BLOB) spec->stdin_sha256 = get_raw(cursor, 32);
  if (spec->stdin_kind > STDIN_STREAM) cursor_break(cursor);
  spec->timeout_ms = get_u32(cursor);
  spec->output_limit = get_u64(cursor);
  if (spec->output_limit == 0) spec->output_limit = DEFAULT_OUTPUT_LIMIT;
  spec->rows = get_u16(cursor);
  spec->columns = get_u16(cursor);
  spec->umask = get_u16(cursor);
  if (spec->umask == 0xffff) spec->umask = 022;
  if (spec->umask > 0777) cursor_break(cursor);
  spec->entry = get_u8(cursor);
  if (spec->entry > ENTRY_MACHINE && spec->entry != ENTRY_TREES) cursor_break(cursor);
  get_files(cursor, spec);
  spec->cgroup_count = get_count(cursor, 4 + 4);
  spec->cgroups = allocate(spec->cgroup_count, sizeof *spec->cgroups);
  for (size_t i = 0; i < spec->cgroup_count; i++) {
    spec->cgroups[i].path = get_string(cursor);
    spec->cgroups[i].value = get_bytes(cursor);
  }
  spec->capabilities = get_u64(cursor);
  spec->calls = get_u32(cursor);
  if (spec->calls & ~CALLS_KNOWN) cursor_break(cursor);
  spec->device_count = get_count(cursor, 4);
  spec->devices = allocate(spec->device_count, sizeof *spec->devices);
  for (size_t i = 0; i < spec->device_count; i++) {
    spec->devices[i].path = get_string(cursor);
    if (!is_device_path(spec->devices[i].path)) cursor_break(cursor);
  }
}

void exec_clear(struct exec_spec *spec) {
  free(spec->argv);
  free(spec->environment);
  free(spec->files);
  free(spec->cgroups);
  free(spec->devices);
  *spec = (struct exec_spec){0};
}

static struct exec_spec *get_exec_pointer(struct cursor *cursor) {
  struct exec_spec *spec = allocate(1, sizeof *spec);
  get_exec(cursor, spec);
  return spec;
}

// The root of a path, or the mark of an opt.
static bool get_bit(struct cursor *cursor) {
  uint8_t bit = get_u8(cursor);
  if (bit > 1) cursor_break(cursor);
  return bit == 1;
}

static void get_probe(struct cursor *cursor, struct probe *probe) {
  *probe = (struct probe){.kind = get_u8(cursor), .at_host = get_bit(cursor), .path = get_string(cursor)};
  switch (probe->kind) {
    case PROBE_STAT:
      probe->flags = get_u8(cursor);
      break;
    case PROBE_READ:
      probe->flags = get_u8(cursor);
      probe->limit = get_u64(cursor);
      if (get_bit(cursor)) probe->unless = get_raw(cursor, 32);
      probe->needles = get_bytes_list(cursor);
      break;
    case PROBE_HASH:
      probe->flags = get_u8(cursor);
      probe->algorithms = get_u8(cursor);
      break;
    case PROBE_LIST:
      probe->depth = get_u32(cursor);
      probe->limit = get_u32(cursor);
      probe->algorithms = get_u8(cursor);
      probe->has_since = get_bit(cursor);
      if (probe->has_since) {
        probe->since.tv_sec = (time_t)get_u64(cursor);
        probe->since.tv_nsec = get_u32(cursor);
      }
      break;
    case PROBE_GLOB:
      probe->limit = get_u32(cursor);
      break;
    case PROBE_EXEC:
      probe->exec = get_exec_pointer(cursor);
      break;
    case PROBE_MACHINE:
      break;
    case PROBE_CONNECT:
      probe->host = get_string(cursor);
      probe->port = get_u16(cursor);
      probe->timeout_ms = get_u32(cursor);
      probe->limit = get_u32(cursor);
      break;
    default:
      cursor_break(cursor);
  }
}

static void get_expect(struct cursor *cursor, struct expect *expect) {
  *expect = (struct expect){.flags = get_u8(cursor)};
  if (expect->flags & EXPECT_TYPE) expect->type = get_u8(cursor);
  if (expect->flags & EXPECT_SHA256) expect->sha256 = get_raw(cursor, 32);
  if (expect->flags & EXPECT_OWNER) {
    expect->uid = get_u32(cursor);
    expect->gid = get_u32(cursor);
  }
  if (expect->flags & EXPECT_MODE) expect->mode = get_u16(cursor);
  if (expect->flags & EXPECT_TARGET) expect->target = get_bytes(cursor);
  if (expect->flags & EXPECT_REAL) expect->real = get_string(cursor);
  if (expect->flags > 63 || expect->type > TYPE_SOCKET) cursor_break(cursor);
}

static void get_change(struct cursor *cursor, struct change *change) {
  *change = (struct change){.kind = get_u8(cursor),
                            .at_host = get_bit(cursor),
                            .path = get_string(cursor),
                            .mode = MODE_KEEP,
                            .uid = ID_KEEP,
                            .gid = ID_KEEP};
  get_expect(cursor, &change->expect);
  switch (change->kind) {
    case CHANGE_WRITE_FILE:
      change->content = get_content(cursor);
      change->mode = get_mode(cursor);
      get_owner(cursor, change);
      change->flags = get_u8(cursor);
      change->mtime = get_time_spec(cursor);
      break;
    case CHANGE_MAKE_DIRECTORY:
      change->mode = get_mode(cursor);
      get_owner(cursor, change);
      break;
    case CHANGE_MAKE_LINK:
      change->other = get_string(cursor);
      get_owner(cursor, change);
      break;
    case CHANGE_HARD_LINK:
      change->other = get_string(cursor);
      break;
    case CHANGE_RENAME:
    case CHANGE_SUBVOLUME:
      change->other = get_string(cursor);
      change->flags = get_u8(cursor);
      break;
    case CHANGE_REMOVE:
    case CHANGE_SET_SUBVOLUME:
    case CHANGE_UNMOUNT:
      change->flags = get_u8(cursor);
      break;
    case CHANGE_SET_ATTRIBUTES:
      change->flags = get_u8(cursor);
      change->mode = get_mode(cursor);
      get_owner(cursor, change);
      change->atime = get_time_spec(cursor);
      change->mtime = get_time_spec(cursor);
      change->flags_set = get_u32(cursor);
      change->flags_clear = get_u32(cursor);
      break;
    case CHANGE_MOUNT_OVERLAY:
      change->other = get_string(cursor);
      change->upper = get_string(cursor);
      change->work = get_string(cursor);
      change->flags = get_u8(cursor);
      break;
    case CHANGE_COPY_FILE:
      change->other = get_string(cursor);
      change->mode = get_mode(cursor);
      get_owner(cursor, change);
      change->flags = get_u8(cursor);
      break;
    case CHANGE_EXEC:
      change->exec = get_exec_pointer(cursor);
      break;
    case CHANGE_WRITE_KERNEL:
      change->value = get_bytes(cursor);
      change->has_current = get_bit(cursor);
      if (change->has_current) change->current = get_bytes(cursor);
      break;
    case CHANGE_LOCK:
      change->timeout_ms = get_u32(cursor);
      break;
    case CHANGE_HOLD:
      change->timeout_ms = get_u32(cursor);
      change->value = get_bytes(cursor);
      break;
    case CHANGE_UNLOCK:
      break;
    default:
      cursor_break(cursor);
  }
}

void decode_open_tree(struct cursor *cursor, struct open_tree *out) {
  uint32_t flags;
  out->tree = get_u32(cursor);
  out->path = get_string(cursor);
  out->entry = get_u8(cursor);
  flags = get_u32(cursor);
  out->is_host_root = (flags & 1) != 0;
  out->is_as_root = (flags & 2) != 0;
  out->has_own_mounts = (flags & OPEN_OWN_MOUNTS) != 0;
  if (out->entry > ENTRY_MACHINE || flags > 7) cursor_break(cursor);
  finish(cursor);
}

void decode_observe(struct cursor *cursor, struct observe *out) {
  out->tree = get_u32(cursor);
  out->count = get_count(cursor, 6);
  out->probes = allocate(out->count, sizeof *out->probes);
  for (size_t i = 0; i < out->count && !cursor->is_broken; i++) get_probe(cursor, &out->probes[i]);
  finish(cursor);
}

void decode_apply(struct cursor *cursor, struct apply *out) {
  out->tree = get_u32(cursor);
  out->batch = get_u32(cursor);
  out->count = get_count(cursor, 7);
  out->changes = allocate(out->count, sizeof *out->changes);
  for (size_t i = 0; i < out->count && !cursor->is_broken; i++) get_change(cursor, &out->changes[i]);
  finish(cursor);
}

void decode_exec(struct cursor *cursor, uint32_t *tree, struct exec_spec *out) {
  *tree = get_u32(cursor);
  get_exec(cursor, out);
  finish(cursor);
}

static void free_exec(struct exec_spec *spec) {
  if (spec == NULL) return;
  exec_clear(spec);
  free(spec);
}

void observe_clear(struct observe *observe) {
  for (size_t i = 0; i < observe->count; i++) {
    free(observe->probes[i].needles.items);
    free_exec(observe->probes[i].exec);
  }
  free(observe->probes);
  *observe = (struct observe){0};
}

void apply_clear(struct apply *apply) {
  for (size_t i = 0; i < apply->count; i++) free_exec(apply->changes[i].exec);
  free(apply->changes);
  *apply = (struct apply){0};
}
