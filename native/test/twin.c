// Encodes requests, as the controller does: what was decoded must come out as it came in.
#include "twin.h"

#include <string.h>

static void put_content(struct buffer *out, const struct content *content) {
  put_u8(out, content->kind);
  if (content->kind == 0) put_bytes(out, content->bytes.data, content->bytes.length);
  else put_raw(out, content->sha256, 32);
}

static void put_time_spec(struct buffer *out, const struct time_spec *spec) {
  put_u8(out, spec->kind);
  if (spec->kind != 2) return;
  put_u64(out, (uint64_t)spec->time.seconds);
  put_u32(out, spec->time.nanoseconds);
}

static void put_strings(struct buffer *out, char **strings) {
  size_t at = out->length;
  uint32_t count = 0;
  put_u32(out, 0);
  for (; strings[count] != NULL; count++) put_str(out, strings[count]);
  set_u32(out, at, count);
}

void put_exec(struct buffer *out, const struct exec_spec *spec) {
  put_strings(out, spec->argv);
  put_strings(out, spec->environment);
  put_str(out, spec->directory);
  put_str(out, spec->user);
  put_u32(out, spec->flags);
  put_u8(out, spec->stdin_kind);
  if (spec->stdin_kind == STDIN_BYTES) put_bytes(out, spec->stdin_bytes.data, spec->stdin_bytes.length);
  if (spec->stdin_kind == STDIN_BLOB) put_raw(out, spec->stdin_sha256, 32);
  put_u32(out, spec->timeout_ms);
  // The decoder fills defaults in.
  put_u64(out, spec->output_limit == DEFAULT_OUTPUT_LIMIT ? 0 : spec->output_limit);
  put_u16(out, spec->rows);
  put_u16(out, spec->columns);
  put_u16(out, spec->umask == 022 ? 0xffff : spec->umask);
  put_u8(out, spec->entry);
  put_u32(out, (uint32_t)spec->file_count);
  for (size_t i = 0; i < spec->file_count; i++) {
    put_str(out, spec->files[i].name);
    put_u16(out, spec->files[i].mode);
    put_content(out, &spec->files[i].content);
  }
  put_u32(out, (uint32_t)spec->cgroup_count);
  for (size_t i = 0; i < spec->cgroup_count; i++) {
    put_str(out, spec->cgroups[i].path);
    put_bytes(out, spec->cgroups[i].value.data, spec->cgroups[i].value.length);
  }
  put_u64(out, spec->capabilities);
  put_u32(out, spec->calls);
  put_u32(out, (uint32_t)spec->device_count);
  for (size_t i = 0; i < spec->device_count; i++) put_str(out, spec->devices[i].path);
}

void put_open_tree(struct buffer *out, const struct open_tree *request) {
  put_u32(out, request->tree);
  put_str(out, request->path);
  put_u8(out, request->entry);
  put_u32(out, (request->is_host_root ? 1u : 0u) | (request->is_as_root ? 2u : 0u) |
                   (request->has_own_mounts ? OPEN_OWN_MOUNTS : 0u));
}

static void put_probe(struct buffer *out, const struct probe *probe) {
  put_u8(out, probe->kind);
  put_u8(out, probe->at_host);
  put_str(out, probe->path);
  switch ((enum probe_kind)probe->kind) {
    case PROBE_STAT:
      put_u8(out, probe->flags);
      break;
    case PROBE_READ:
      put_u8(out, probe->flags);
      put_u64(out, probe->limit);
      put_u8(out, probe->unless != NULL);
      if (probe->unless != NULL) put_raw(out, probe->unless, 32);
      put_u32(out, (uint32_t)probe->needles.count);
      for (size_t i = 0; i < probe->needles.count; i++)
        put_bytes(out, probe->needles.items[i].data, probe->needles.items[i].length);
      break;
    case PROBE_HASH:
      put_u8(out, probe->flags);
      put_u8(out, probe->algorithms);
      break;
    case PROBE_LIST:
      put_u32(out, probe->depth);
      put_u32(out, (uint32_t)probe->limit);
      put_u8(out, probe->algorithms);
      put_u8(out, probe->has_since);
      if (probe->has_since) {
        put_u64(out, (uint64_t)probe->since.tv_sec);
        put_u32(out, (uint32_t)probe->since.tv_nsec);
      }
      break;
    case PROBE_GLOB:
      put_u32(out, (uint32_t)probe->limit);
      break;
    case PROBE_EXEC:
      put_exec(out, probe->exec);
      break;
    case PROBE_MACHINE:
      break;
    case PROBE_CONNECT:
      put_str(out, probe->host);
      put_u16(out, probe->port);
      put_u32(out, probe->timeout_ms);
      put_u32(out, (uint32_t)probe->limit);
      break;
  }
}

void put_observe(struct buffer *out, const struct observe *request) {
  put_u32(out, request->tree);
  put_u32(out, (uint32_t)request->count);
  for (size_t i = 0; i < request->count; i++) put_probe(out, &request->probes[i]);
}

static void put_expect(struct buffer *out, const struct expect *expect) {
  put_u8(out, expect->flags);
  if (expect->flags & EXPECT_TYPE) put_u8(out, expect->type);
  if (expect->flags & EXPECT_SHA256) put_raw(out, expect->sha256, 32);
  if (expect->flags & EXPECT_OWNER) {
    put_u32(out, expect->uid);
    put_u32(out, expect->gid);
  }
  if (expect->flags & EXPECT_MODE) put_u16(out, expect->mode);
  if (expect->flags & EXPECT_TARGET) put_bytes(out, expect->target.data, expect->target.length);
  if (expect->flags & EXPECT_REAL) put_str(out, expect->real);
}

static void put_owner(struct buffer *out, const struct change *change) {
  put_u32(out, change->uid);
  put_u32(out, change->gid);
}

static void put_change(struct buffer *out, const struct change *change) {
  put_u8(out, change->kind);
  put_u8(out, change->at_host);
  put_str(out, change->path);
  put_expect(out, &change->expect);
  switch ((enum change_kind)change->kind) {
    case CHANGE_WRITE_FILE:
      put_content(out, &change->content);
      put_u16(out, change->mode);
      put_owner(out, change);
      put_u8(out, change->flags);
      put_time_spec(out, &change->mtime);
      break;
    case CHANGE_MAKE_DIRECTORY:
      put_u16(out, change->mode);
      put_owner(out, change);
      break;
    case CHANGE_MAKE_LINK:
      put_str(out, change->other);
      put_owner(out, change);
      break;
    case CHANGE_HARD_LINK:
      put_str(out, change->other);
      break;
    case CHANGE_RENAME:
    case CHANGE_SUBVOLUME:
      put_str(out, change->other);
      put_u8(out, change->flags);
      break;
    case CHANGE_REMOVE:
    case CHANGE_SET_SUBVOLUME:
    case CHANGE_UNMOUNT:
      put_u8(out, change->flags);
      break;
    case CHANGE_SET_ATTRIBUTES:
      put_u8(out, change->flags);
      put_u16(out, change->mode);
      put_owner(out, change);
      put_time_spec(out, &change->atime);
      put_time_spec(out, &change->mtime);
      put_u32(out, change->flags_set);
      put_u32(out, change->flags_clear);
      break;
    case CHANGE_MOUNT_OVERLAY:
      put_str(out, change->other);
      put_str(out, change->upper);
      put_str(out, change->work);
      put_u8(out, change->flags);
      break;
    case CHANGE_COPY_FILE:
      put_str(out, change->other);
      put_u16(out, change->mode);
      put_owner(out, change);
      put_u8(out, change->flags);
      break;
    case CHANGE_EXEC:
      put_exec(out, change->exec);
      break;
    case CHANGE_WRITE_KERNEL:
      put_bytes(out, change->value.data, change->value.length);
      put_u8(out, change->has_current);
      if (change->has_current) put_bytes(out, change->current.data, change->current.length);
      break;
    case CHANGE_LOCK:
      put_u32(out, change->timeout_ms);
      break;
    case CHANGE_HOLD:
      put_u32(out, change->timeout_ms);
      put_bytes(out, change->value.data, change->value.length);
      break;
    case CHANGE_UNLOCK:
      break;
  }
}

void put_apply(struct buffer *out, const struct apply *request) {
  put_u32(out, request->tree);
  put_u32(out, request->batch);
  put_u32(out, (uint32_t)request->count);
  for (size_t i = 0; i < request->count; i++) put_change(out, &request->changes[i]);
}
