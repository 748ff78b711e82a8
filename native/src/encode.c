// Encodes the helper's replies.
#include <string.h>

#include "codec.h"

size_t frame_begin(struct buffer *out, enum message_type type, uint32_t channel) {
  size_t start = out->length;
  put_u32(out, 0);
  put_u8(out, (uint8_t)type);
  put_u32(out, channel);
  return start;
}

void frame_end(struct buffer *out, size_t start) {
  set_u32(out, start, (uint32_t)(out->length - start - 4));
}

void put_failure(struct buffer *out, const struct err *err) {
  put_u32(out, (uint32_t)err->errno_);
  put_u8(out, err->code);
  put_str(out, err->step);
  put_str(out, err->path);
  put_str(out, err->message);
}

static void put_time(struct buffer *out, const struct timespec *time) {
  put_u64(out, (uint64_t)time->tv_sec);
  put_u32(out, (uint32_t)time->tv_nsec);
}

uint8_t stat_type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return TYPE_FILE;
    case S_IFDIR:
      return TYPE_DIRECTORY;
    case S_IFLNK:
      return TYPE_LINK;
    case S_IFBLK:
      return TYPE_BLOCK;
    case S_IFCHR:
      return TYPE_CHAR;
    case S_IFIFO:
      return TYPE_FIFO;
    default:
      return TYPE_SOCKET;
  }
}

void put_node(struct buffer *out, const struct node_value *node) {
  const struct stat *stat = &node->stat;
  put_u8(out, node->type);
  if (node->type == TYPE_ABSENT) return;
  put_u16(out, (uint16_t)(stat->st_mode & 07777));
  put_u32(out, stat->st_uid);
  put_u32(out, stat->st_gid);
  put_u32(out, (uint32_t)stat->st_nlink);
  put_u64(out, (uint64_t)stat->st_size);
  put_u64(out, stat->st_dev);
  put_u64(out, stat->st_ino);
  put_u64(out, stat->st_rdev);
  put_u64(out, (uint64_t)stat->st_blocks);
  put_u32(out, (uint32_t)stat->st_blksize);
  put_time(out, &stat->st_atim);
  put_time(out, &stat->st_mtim);
  put_time(out, &stat->st_ctim);
  put_bytes(out, node->target.data, node->target.length);
  put_u32(out, node->flags);
}

void put_exit(struct buffer *out, const struct exit_value *exit) {
  put_u8(out, exit->kind);
  put_u32(out, exit->value);
  put_failure(out, &exit->failure);
  put_u32(out, exit->wall_ms);
  put_u32(out, exit->cpu_ms);
}
