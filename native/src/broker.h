// Without root the helper lives in a user namespace of its own. What it runs on the host's own root is to be the login as it
// is, though: not root of a namespace, to whom other users' files belong to nobody. A process that stays outside starts it.
#ifndef CRUN_BROKER_H
#define CRUN_BROKER_H

#include "error.h"

// Before the namespace is entered: the process that stays. It ends with the last holder of its socket. The socket is inherited
// by the program's next image.
int broker_start(struct err *err);

// The socket, or 0 where there is no broker. Once, in the image that serves.
int broker_take(void);

// Lets the broker execute an agent (agent.h) with this control socket.
int broker_ask(int broker, int control, struct err *err);

#endif
