// Ids of a machine with a user namespace of its own: what they are on the host, and back.
#ifndef CRUN_IDS_H
#define CRUN_IDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "error.h"

// What stands for an id that the machine has no name for, as its own processes see it.
#define ID_NOBODY 65534u

struct id_range {
  uint32_t inside;
  uint32_t outside;
  uint32_t count;
};

struct id_map {
  unsigned count;
  struct id_range ranges[16];
};

// Not shifted: ids are the same on both sides, and the maps are empty.
struct ids {
  bool is_shifted;
  struct id_map users;
  struct id_map groups;
};

// The maps of a process, by its directory in /proc.
int ids_read(struct ids *out, int process, struct err *err);

// Those that systemd-nspawn has given a tree's files, where its root directory tells of them: 65536 from a multiple of
// that on.
void ids_of_tree(struct ids *out, const struct stat *root);

// ID_NOBODY where the machine has no id for it.
uint32_t id_inside(const struct id_map *map, uint32_t outside);
bool id_outside(const struct id_map *map, uint32_t inside, uint32_t *out);

// Owner and group as the machine's processes see them.
void ids_show(const struct ids *ids, struct stat *stat);

// Who makes files from here on, by this process alone: the machine's root, until ids_leave. Capabilities stay as they
// are. Where nothing is shifted neither does anything.
int ids_enter(const struct ids *ids, struct err *err);
void ids_leave(const struct ids *ids);

// Whose a file is that is made now.
uid_t ids_file_user(void);
gid_t ids_file_group(void);

#endif
