// The table of refused system calls, and the program for the kernel that is made of it.
#include "calls.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

// Calls from 424 on have the same number everywhere. The newest that was looked at (file_setattr, Linux 6.17); what comes
// after it, and x32, whose numbers have bit 30, is not there.
#define LAST_CALL 469u
#define PROGRAM_MAX 400u
#define NONE 0xffffu

#ifndef AF_NETLINK
#define AF_NETLINK 16
#endif

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define COMPAT AUDIT_ARCH_I386
#define NUMBERS(x86_64, i386, arm64, arm) {x86_64, i386}
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#define COMPAT AUDIT_ARCH_ARM
#define NUMBERS(x86_64, i386, arm64, arm) {arm64, arm}
// set_tls, cacheflush and their kin.
#define PRIVATE_CALLS 0xf0000u
#else
#error "the system calls of this architecture are not known here"
#endif
#define SAME(number) NUMBERS(number, number, number, number)

#define BIT(capability) (UINT64_C(1) << (capability))
#define ADMIN BIT(CAP_SYS_ADMIN)
// No capabilities of the kernel's: SYS_ADMIN, SYS_BOOT and DAC_READ_SEARCH, but for a machine. Its root has them, and
// the filter that systemd-nspawn gave it, which setns does not copy, refuses what they allow beyond it.
#define HOST_ADMIN BIT(63)
#define HOST_BOOT BIT(62)
#define HOST_READ BIT(61)

// What becomes of a call that is not allowed.
enum verdict {
  REFUSED,      // EPERM
  MISSING,      // ENOSYS
  NAMESPACES,   // no CLONE_NEWUSER in the flags
  FAMILIES,     // some families alone
  SOCKETCALL,   // neither socket nor socketpair: their family lies in memory, which no filter sees
  PERSONALITY,  // harmless ones alone
  TERMINAL,     // no pushing of keys
};

struct filtered_call {
  uint16_t numbers[2];  // of native and 32-bit programs; NONE: they have no such call
  uint8_t verdict;      // enum verdict
  uint8_t group;        // allows it; 0: none does
  uint64_t lifted_by;   // any of these capabilities allows it
};

// clang-format off
static const struct filtered_call filtered_calls[] = {
  {NUMBERS(154, 123, NONE, NONE), MISSING, CALLS_LDT, 0},                             // modify_ldt
  {NUMBERS(155, 217, 41, 218), REFUSED, 0, ADMIN},                                    // pivot_root
  {NUMBERS(163, 51, 89, 51), REFUSED, 0, BIT(CAP_SYS_PACCT)},                         // acct
  {NUMBERS(164, 79, 170, 79), REFUSED, 0, BIT(CAP_SYS_TIME)},                         // settimeofday
  {NUMBERS(165, 21, 40, 21), REFUSED, 0, ADMIN},                                      // mount
  {NUMBERS(166, 52, 39, 52), REFUSED, 0, ADMIN},                                      // umount2
  {NUMBERS(167, 87, 224, 87), REFUSED, 0, HOST_ADMIN},                                     // swapon
  {NUMBERS(168, 115, 225, 115), REFUSED, 0, HOST_ADMIN},                                   // swapoff
  {NUMBERS(169, 88, 142, 88), REFUSED, 0, BIT(CAP_SYS_BOOT)},                         // reboot
  {NUMBERS(172, 110, NONE, NONE), REFUSED, 0, BIT(CAP_SYS_RAWIO)},                    // iopl
  {NUMBERS(173, 101, NONE, NONE), REFUSED, 0, BIT(CAP_SYS_RAWIO)},                    // ioperm
  {NUMBERS(175, 128, 105, 128), REFUSED, 0, BIT(CAP_SYS_MODULE)},                     // init_module
  {NUMBERS(176, 129, 106, 129), REFUSED, 0, BIT(CAP_SYS_MODULE)},                     // delete_module
  {NUMBERS(179, 131, 60, 131), REFUSED, 0, HOST_ADMIN},                                    // quotactl
  {NUMBERS(103, 103, 116, 103), REFUSED, 0, HOST_ADMIN | BIT(CAP_SYSLOG)},                 // syslog
  {NUMBERS(227, 264, 112, 262), REFUSED, 0, BIT(CAP_SYS_TIME)},                       // clock_settime
  {NUMBERS(246, 283, 104, 347), REFUSED, 0, HOST_BOOT},                       // kexec_load
  {NUMBERS(248, 286, 217, 309), MISSING, CALLS_KEYRINGS, 0},                          // add_key
  {NUMBERS(249, 287, 218, 310), MISSING, CALLS_KEYRINGS, 0},                          // request_key
  {NUMBERS(250, 288, 219, 311), MISSING, CALLS_KEYRINGS, 0},                          // keyctl
  {NUMBERS(298, 336, 241, 364), REFUSED, 0, HOST_ADMIN | BIT(CAP_PERFMON)},                // perf_event_open
  {NUMBERS(300, 338, 262, 367), REFUSED, 0, HOST_ADMIN},                                   // fanotify_init
  {NUMBERS(304, 342, 265, 371), REFUSED, 0, HOST_READ},                // open_by_handle_at
  {NUMBERS(308, 346, 268, 375), REFUSED, 0, ADMIN},                                   // setns
  {NUMBERS(313, 350, 273, 379), REFUSED, 0, BIT(CAP_SYS_MODULE)},                     // finit_module
  {NUMBERS(320, NONE, 294, 401), REFUSED, 0, HOST_BOOT},                      // kexec_file_load
  {NUMBERS(321, 357, 280, 386), REFUSED, 0, HOST_ADMIN | BIT(CAP_BPF)},                    // bpf
  {NUMBERS(323, 374, 282, 388), REFUSED, CALLS_USERFAULTFD, 0},                       // userfaultfd
  {NUMBERS(NONE, 22, NONE, NONE), REFUSED, 0, ADMIN},                                 // umount
  {NUMBERS(NONE, 25, NONE, NONE), REFUSED, 0, BIT(CAP_SYS_TIME)},                     // stime
  {NUMBERS(NONE, 113, NONE, NONE), REFUSED, 0, BIT(CAP_SYS_RAWIO)},                   // vm86old
  {NUMBERS(NONE, 166, NONE, NONE), REFUSED, 0, BIT(CAP_SYS_RAWIO)},                   // vm86
  {NUMBERS(NONE, 404, NONE, 404), REFUSED, 0, BIT(CAP_SYS_TIME)},                     // clock_settime64
  {SAME(425), MISSING, CALLS_IO_URING, 0},                                            // io_uring_setup
  {SAME(426), MISSING, CALLS_IO_URING, 0},                                            // io_uring_enter
  {SAME(427), MISSING, CALLS_IO_URING, 0},                                            // io_uring_register
  {SAME(428), REFUSED, 0, ADMIN},                                                     // open_tree
  {SAME(429), REFUSED, 0, ADMIN},                                                     // move_mount
  {SAME(430), REFUSED, 0, ADMIN},                                                     // fsopen
  {SAME(431), REFUSED, 0, ADMIN},                                                     // fsconfig
  {SAME(432), REFUSED, 0, ADMIN},                                                     // fsmount
  {SAME(433), REFUSED, 0, ADMIN},                                                     // fspick
  {SAME(435), MISSING, CALLS_USER_NAMESPACES, ADMIN},                                 // clone3, whose flags no filter sees
  {SAME(442), REFUSED, 0, ADMIN},                                                     // mount_setattr
  {SAME(443), REFUSED, 0, HOST_ADMIN},                                                     // quotactl_fd
  {SAME(467), REFUSED, 0, ADMIN},                                                     // open_tree_attr
  {NUMBERS(56, 120, 220, 120), NAMESPACES, CALLS_USER_NAMESPACES, ADMIN},             // clone
  {NUMBERS(272, 310, 97, 337), NAMESPACES, CALLS_USER_NAMESPACES, ADMIN},             // unshare
  {NUMBERS(16, 54, 29, 54), TERMINAL, 0, 0},                                          // ioctl
  {NUMBERS(41, 359, 198, 281), FAMILIES, CALLS_SOCKETS, 0},                           // socket
  {NUMBERS(53, 360, 199, 288), FAMILIES, CALLS_SOCKETS, 0},                           // socketpair
  {NUMBERS(NONE, 102, NONE, NONE), SOCKETCALL, CALLS_SOCKETS, 0},                     // socketcall
  {NUMBERS(135, 136, 92, 136), PERSONALITY, CALLS_PERSONALITY, 0},                    // personality
};
// clang-format on
#define FILTERED_COUNT (sizeof filtered_calls / sizeof *filtered_calls)

struct program {
  struct sock_filter steps[PROGRAM_MAX];
  unsigned count;
};

static void put(struct program *to, unsigned code, unsigned value, unsigned if_true, unsigned if_false) {
  if (to->count < PROGRAM_MAX)
    to->steps[to->count] =
        (struct sock_filter){(uint16_t)code, (uint8_t)if_true, (uint8_t)if_false, value};
  to->count++;
}

static void load(struct program *to, size_t offset) {
  put(to, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

// The low half: the kernel takes flags, families, requests and values as ints (little endian on all architectures here).
static void load_argument(struct program *to, unsigned index) {
  load(to, offsetof(struct seccomp_data, args) + index * sizeof(uint64_t));
}

// Jumps over that many steps.
static void if_equal(struct program *to, unsigned value, unsigned skip_true, unsigned skip_false) {
  put(to, BPF_JMP | BPF_JEQ | BPF_K, value, skip_true, skip_false);
}

static void if_any_bit(struct program *to, unsigned bits, unsigned skip_true, unsigned skip_false) {
  put(to, BPF_JMP | BPF_JSET | BPF_K, bits, skip_true, skip_false);
}

static void give(struct program *to, unsigned errno_value) {
  put(to, BPF_RET | BPF_K, errno_value == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | errno_value, 0, 0);
}

// The accumulator holds the number of this very call.
static void judge(struct program *to, enum verdict verdict, uint64_t capabilities) {
  switch (verdict) {
    case REFUSED: return give(to, EPERM);
    case MISSING: return give(to, ENOSYS);
    case NAMESPACES:
      load_argument(to, 0);
      if_any_bit(to, CLONE_NEWUSER, 1, 0);
      break;
    case FAMILIES:
      load_argument(to, 0);
      if_equal(to, AF_UNIX, 5, 0);
      if_equal(to, AF_INET, 4, 0);
      if_equal(to, AF_INET6, 3, 0);
      if_equal(to, AF_NETLINK, 2, 0);
      if_equal(to, capabilities & BIT(CAP_NET_RAW) ? AF_PACKET : AF_UNIX, 1, 0);
      give(to, EAFNOSUPPORT);
      return give(to, 0);
    case SOCKETCALL:
      load_argument(to, 0);
      if_equal(to, 1, 1, 0);
      if_equal(to, 8, 0, 1);
      give(to, ENOSYS);
      return give(to, 0);
    case PERSONALITY:
      // 0xffffffff asks; PER_LINUX32, UNAME26 and ADDR_NO_RANDOMIZE (debuggers) are harmless.
      load_argument(to, 0);
      if_equal(to, 0xffffffffu, 1, 0);
      if_any_bit(to, ~0x60008u, 1, 0);
      break;
    case TERMINAL:
      load_argument(to, 1);
      if_equal(to, TIOCSTI, 2, 0);
      if_equal(to, TIOCLINUX, 1, 0);
      break;
  }
  give(to, 0);
  give(to, EPERM);
}

struct numbered {
  uint16_t number;
  uint8_t verdict;
};

// Halves, so that the kernel finds each number in a few steps: it tries all of them when a filter is installed.
static void search(struct program *to, const struct numbered *calls, size_t count, uint64_t capabilities) {
  if (count > 3) {
    unsigned fork = to->count;
    put(to, BPF_JMP | BPF_JGE | BPF_K, calls[count / 2].number, 0, 0);
    search(to, calls, count / 2, capabilities);
    if (fork < PROGRAM_MAX) to->steps[fork].jt = (uint8_t)(to->count - fork - 1);
    return search(to, calls + count / 2, count - count / 2, capabilities);
  }
  for (size_t i = 0; i < count; i++) {
    unsigned call = to->count;
    if_equal(to, calls[i].number, 0, 0);
    judge(to, calls[i].verdict, capabilities);
    if (call < PROGRAM_MAX) to->steps[call].jf = (uint8_t)(to->count - call - 1);
  }
  give(to, 0);
}

static void put_section(struct program *to, int abi, uint64_t capabilities, uint32_t groups) {
  struct numbered calls[FILTERED_COUNT];
  size_t count = 0;
  for (size_t i = 0; i < FILTERED_COUNT; i++) {
    const struct filtered_call *call = &filtered_calls[i];
    if (call->numbers[abi] == NONE || (call->group & groups) || (call->lifted_by & capabilities)) continue;
    size_t at = count++;
    for (; at > 0 && calls[at - 1].number > call->numbers[abi]; at--) calls[at] = calls[at - 1];
    calls[at] = (struct numbered){call->numbers[abi], call->verdict};
  }
  load(to, offsetof(struct seccomp_data, nr));
#ifdef PRIVATE_CALLS
  if (abi == 1) {
    put(to, BPF_JMP | BPF_JGE | BPF_K, PRIVATE_CALLS, 0, 1);
    give(to, 0);
  }
#endif
  put(to, BPF_JMP | BPF_JGT | BPF_K, LAST_CALL, 0, 1);
  give(to, ENOSYS);
  search(to, calls, count, capabilities);
}

int calls_restrict(uint64_t capabilities, uint32_t groups, struct err *err) {
  struct program program = {.count = 0};
  if (groups & CALLS_ALL) return 0;
  capabilities &= ~(HOST_ADMIN | HOST_BOOT | HOST_READ);
  if (!(groups & CALLS_OF_MACHINE))
    capabilities |= (capabilities & ADMIN ? HOST_ADMIN : 0) | (capabilities & BIT(CAP_SYS_BOOT) ? HOST_BOOT : 0) |
                    (capabilities & BIT(CAP_DAC_READ_SEARCH) ? HOST_READ : 0);
  load(&program, offsetof(struct seccomp_data, arch));
  if_equal(&program, NATIVE, 1, 0);
  unsigned jump = program.count;
  put(&program, BPF_JMP | BPF_JA, 0, 0, 0);
  put_section(&program, 0, capabilities, groups);
  program.steps[jump].k = program.count - jump - 1;
  load(&program, offsetof(struct seccomp_data, arch));
  if_equal(&program, COMPAT, 1, 0);
  give(&program, ENOSYS);
  put_section(&program, 1, capabilities, groups);
  if (program.count > PROGRAM_MAX) return err_system(err, E2BIG, "filter system calls", "");
  struct sock_fprog filter = {.len = (unsigned short)program.count, .filter = program.steps};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0)
    return err_fail_errno(err, FAILURE_ENTRY, errno, "filter system calls", "",
                          "this kernel takes no filter of system calls: crun runs nothing without it");
  // Without a filter: EBADF.
  if (ioctl(-1, TIOCSTI, "") == 0 || errno != EPERM)
    return err_fail(err, FAILURE_ENTRY, "verify the filter", "", "the filter of system calls refuses nothing");
  return 0;
}
