// A terminal of the entry's own: never the one that crun was called from.
#ifndef CRUN_PTY_H
#define CRUN_PTY_H

#include <stdint.h>

#include "error.h"

// A new pair out of the /dev/ptmx of the root the caller stands in; verified to be of a devpts. No controlling terminal
// yet.
int pty_open(int *master, int *slave, uint16_t rows, uint16_t columns, struct err *err);

// The caller, a session leader without one, gets the slave as its controlling terminal.
int pty_control(int slave, struct err *err);

int pty_resize(int master, uint16_t rows, uint16_t columns, struct err *err);

#endif
