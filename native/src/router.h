// The main process: takes requests from the controller to the workers, and their replies back.
#ifndef CRUN_ROUTER_H
#define CRUN_ROUTER_H

#include "privilege.h"

// Greets, serves until stdin ends (or a signal asks for the end), cleans up. Returns the exit status.
int router_run(int in, int out, const struct privilege *privilege);

#endif
