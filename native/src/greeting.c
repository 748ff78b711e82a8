// The helper's first words: who it is and where it runs.
#include "greeting.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "codec.h"

#ifndef HELPER_VERSION
#define HELPER_VERSION "unknown"
#endif

#define FEATURE_OPENAT2 1u

void put_greeting(struct buffer *out, bool has_openat2, const struct privilege *privilege) {
  static const uint8_t magic[8] = {0x00, 'C', 'R', 'U', 'N', 0x01, 0x0d, 0x0a};
  struct utsname system = {0};
  struct sysinfo memory = {0};
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  uint32_t features = has_openat2 ? FEATURE_OPENAT2 : 0;
  size_t start;
  features |= privilege_features(privilege);
  uname(&system);
  sysinfo(&memory);
  put_raw(out, magic, sizeof magic);
  start = frame_begin(out, MESSAGE_GREETING, 0);
  put_u16(out, PROTOCOL_VERSION);
  put_str(out, HELPER_VERSION);
  put_str(out, system.machine);
  put_str(out, system.release);
  put_str(out, system.nodename);
  put_u32(out, (uint32_t)getpid());
  put_u32(out, (uint32_t)geteuid());
  put_u32(out, (uint32_t)getegid());
  put_u32(out, features);
  put_u32(out, cpus > 0 ? (uint32_t)cpus : 1);
  put_u64(out, (uint64_t)memory.totalram * memory.mem_unit);
  put_u32(out, privilege->reach.users);
  put_u32(out, privilege->reach.groups);
  put_str(out, privilege->reach.lack);
  frame_end(out, start);
}
