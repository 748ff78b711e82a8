// The helper's first words: who it is and where it runs.
#include "greeting.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "codec.h"
#include "privilege.h"

#ifndef HELPER_VERSION
#define HELPER_VERSION "unknown"
#endif

enum feature { FEATURE_OPENAT2 = 1, FEATURE_CAPABILITIES = 2, FEATURE_NEWUIDMAP = 4, FEATURE_USER_NAMESPACE = 8 };

static bool has_capabilities(void) {
  static const unsigned needed[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,   CAP_SETGID,
                                    CAP_SETUID, CAP_SYS_CHROOT,   CAP_SYS_ADMIN};
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {{0}};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
    if ((data[needed[i] / 32].effective & 1u << needed[i] % 32) == 0) return false;
  }
  return true;
}

void put_greeting(struct buffer *out, bool has_openat2) {
  static const uint8_t magic[8] = {0x00, 'C', 'R', 'U', 'N', 0x01, 0x0d, 0x0a};
  struct utsname system = {0};
  struct sysinfo memory = {0};
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  uint32_t features = has_openat2 ? FEATURE_OPENAT2 : 0;
  size_t start;
  if (has_capabilities()) features |= FEATURE_CAPABILITIES;
  features |= privilege_features() & (FEATURE_NEWUIDMAP | FEATURE_USER_NAMESPACE);
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
  frame_end(out, start);
}
