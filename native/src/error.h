// The error that a failed operation fills in: which step failed, on what, and why.
#ifndef CRUN_ERROR_H
#define CRUN_ERROR_H

#include <stdint.h>

enum failure_code {
  FAILURE_SYSTEM = 0,
  FAILURE_CONFLICT = 1,
  FAILURE_REFUSED = 2,
  FAILURE_NO_SUCH_USER = 3,
  FAILURE_BAD_REQUEST = 4,
  FAILURE_ENTRY = 5,
  FAILURE_DEADLINE = 6,
};

// Owned by the caller and free of pointers, so that it can go through a pipe to the process that reports it.
// All strings end with NUL; what is longer is cut.
struct err {
  int32_t errno_;   // 0: the kernel was not the one who refused
  uint8_t code;     // enum failure_code
  char step[32];    // what was tried: "open", "rename", "setresuid"
  char path[1024];  // tree path, or empty
  char message[256];
};

// What a process of a tree may have had its hands on: its texts end, and its code is one that there is.
void err_sanitize(struct err *err);

// A failed system call. `errno_value` is errno as it was right after the call. Returns -1, so that a caller can return
// it at once.
int err_system(struct err *err, int errno_value, const char *step, const char *path);

// A failure of another kind, told in one sentence (printf format). Returns -1.
int err_fail(struct err *err, enum failure_code code, const char *step, const char *path, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

// A failed system call that the caller has a code and a word for. Returns -1.
int err_fail_errno(struct err *err, enum failure_code code, int errno_value, const char *step, const char *path,
                   const char *format, ...) __attribute__((format(printf, 6, 7)));

void err_clear(struct err *err);

#endif
