// Opens and sizes pseudo terminals.
#include "pty.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

int pty_resize(int master, uint16_t rows, uint16_t columns, struct err *err) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  return ioctl(master, TIOCSWINSZ, &size) < 0 ? err_system(err, errno, "resize the terminal", "") : 0;
}

int pty_open(int *master, int *slave, uint16_t rows, uint16_t columns, struct err *err) {
  auto_close int own_master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (own_master < 0)
    return err_fail_errno(err, FAILURE_SYSTEM, errno, "open", "/dev/ptmx",
                          "no terminal can be made: /dev/ptmx does not open");
  struct stat status;
  if (fstat(own_master, &status) < 0) return err_system(err, errno, "fstat", "/dev/ptmx");
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2))
    return err_fail(err, FAILURE_REFUSED, "open", "/dev/ptmx", "/dev/ptmx is not the terminal multiplexer");
  int unlocked = 0;
  if (ioctl(own_master, TIOCSPTLCK, &unlocked) < 0) return err_system(err, errno, "unlock the terminal", "/dev/ptmx");
  // By descriptor: /dev/pts/N may be another terminal of that number.
  auto_close int own_slave = ioctl(own_master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (own_slave < 0) return err_system(err, errno, "open the terminal", "/dev/ptmx");
  struct statfs file_system;
  if (fstatfs(own_slave, &file_system) < 0) return err_system(err, errno, "fstatfs", "/dev/pts");
  if ((long)file_system.f_type != KERNEL_DEVPTS_MAGIC)
    return err_fail(err, FAILURE_REFUSED, "open the terminal", "/dev/pts", "the terminal is not one of a devpts");
  if (pty_resize(own_master, rows == 0 ? 24 : rows, columns == 0 ? 80 : columns, err) < 0) return -1;
  *master = steal_fd(&own_master);
  *slave = steal_fd(&own_slave);
  return 0;
}

int pty_control(int slave, struct err *err) {
  return ioctl(slave, TIOCSCTTY, 0) < 0 ? err_system(err, errno, "take the terminal", "") : 0;
}
