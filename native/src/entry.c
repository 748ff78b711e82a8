// An entry of the worker's: opens and closes it, removes its cgroups, finds the machine that runs on its tree.
#include "entry_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "machine.h"

#define CGROUP_DEADLINE_MS 500

int entry_open(struct entry **out, const struct entry_config *config, struct err *err) {
  struct entry *entry = calloc(1, sizeof *entry);
  if (entry == NULL) return err_system(err, ENOMEM, "open the entry", "");
  entry->config = *config;
  for (int kind = 0; kind <= AGENT_HOST; kind++) entry->agents[kind].control = entry->agents[kind].leader = -1;
  *out = entry;
  return 0;
}

int entry_remember(struct entry *entry, const char *directory) {
  struct placed *placed = malloc(sizeof *placed + strlen(directory) + 1);
  if (placed == NULL) return -1;
  strcpy(placed->directory, directory);
  placed->next = entry->placed;
  entry->placed = placed;
  return 0;
}

// Those that still hold a process (which lives on) stay.
static void remove_cgroups(struct entry *entry) {
  int waited = 0;
  while (entry->placed != NULL) {
    struct placed *placed = entry->placed;
    for (; rmdir(placed->directory) < 0 && errno == EBUSY && waited < CGROUP_DEADLINE_MS; waited += 5)
      nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    entry->placed = placed->next;
    free(placed);
  }
}

void entry_close(struct entry *entry) {
  if (entry == NULL) return;
  // All hear of it before the first is waited for.
  for (int kind = 0; kind <= AGENT_HOST; kind++) {
    if (entry->agents[kind].control >= 0) shutdown(entry->agents[kind].control, SHUT_WR);
  }
  for (int kind = 0; kind <= AGENT_HOST; kind++) agent_end(&entry->agents[kind]);
  remove_cgroups(entry);
  free(entry);
}

int entry_machine(struct entry *entry, struct machine_info *out, struct err *err) {
  struct leader leader;
  *out = (struct machine_info){0};
  int found =
      entry->config.is_host_root ? 0 : leader_find(&leader, entry->config.root_fd, entry->config.tree_name, false, err);
  if (found <= 0) return found;
  *out = leader.info;
  leader_close(&leader);
  return 0;
}

int entry_machine_root(const struct entry_config *config, int *out, struct ids *ids, struct err *err) {
  struct leader leader;
  *ids = (struct ids){0};
  *out = -1;
  if (config->is_host_root || (config->kind != ENTRY_AUTO && config->kind != ENTRY_MACHINE)) return 0;
  int found = leader_find(&leader, config->root_fd, config->tree_name, config->kind == ENTRY_AUTO, err);
  if (found <= 0) return found;
  int status = ids_read(ids, leader.process, err);
  if (status == 0) *out = steal_fd(&leader.root);
  leader_close(&leader);
  return status;
}
