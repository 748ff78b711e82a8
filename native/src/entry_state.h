// The parts of an entry that its files share: entry.c, entry_agents.c, entry_spawn.c.
#ifndef CRUN_ENTRY_STATE_H
#define CRUN_ENTRY_STATE_H

#include "channel.h"
#include "entry.h"

struct agent_handle {
  pid_t pid; // 0: none
  int control;
  int leader; // pidfd of the machine that it visits, or -1
};

// A cgroup of a process's own: what asked for it removes it, unless it went before.
struct placed {
  struct placed *next;
  char directory[];
};

struct entry {
  struct entry_config config;
  struct placed *placed;
  struct agent_handle agents[AGENT_HOST + 1];
};

// Ends the agent, with all that it keeps.
void agent_end(struct agent_handle *agent);

// The agent that a process needs; started where there is none yet.
int agent_choose(struct entry *entry, uint8_t wanted, struct agent_handle **out, struct err *err);

// The entry's end removes this cgroup. -1: no memory.
int entry_remember(struct entry *entry, const char *directory);

#endif
