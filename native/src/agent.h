// The process that lives in an entered tree for the whole run: PID 1 of its PID namespace, or a visitor of a running
// machine or the host.
#ifndef CRUN_AGENT_H
#define CRUN_AGENT_H

// If the program was started as an agent (`--agent FD`), is one and returns true with its exit status. To be called
// first in main.
//
// Life of an agent:
//   1 clean memory (it was executed anew), non-dumpable
//   2 receives struct setup over its control socket
//   3 enters
//   4 tells CHANNEL_READY or CHANNEL_FAILED
//   5 forks a runner for each CHANNEL_SPAWN, reaps orphans
//   6 ends with the socket: as PID 1 it takes every process with it; elsewhere it ends its runners and removes its files
_Bool agent_main(int count, char **arguments, int *exit_status);

#endif
