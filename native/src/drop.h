// Giving up privilege for good: capabilities cut to a set, and the change to another user, verified or refused.
#ifndef CRUN_DROP_H
#define CRUN_DROP_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "passwd.h"

// What root of an entered tree keeps, what dpkg, rpm, pacman, useradd and their scripts fail without (docs/ENTRIES.md):
//   CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP SYS_CHROOT MKNOD SETFCAP
// Not DAC_READ_SEARCH: with open_by_handle_at it reads every file of the file system that holds the tree, the host's
// too (DAC_OVERRIDE grants what packages need of it). MKNOD makes nodes, but the tree's mounts are nodev: none opens.
extern const uint64_t CAPABILITIES_OF_TREE_ROOT;
#define CAPABILITIES_ALL UINT64_MAX

// Whether a process with these may filter the system calls of its children (calls.h).
bool capabilities_may_filter(uint64_t capabilities);

// Leaves of bounding, permitted and effective what is in `keep`, and nothing of inheritable and ambient; then reads all
// five back.
int capabilities_cut(uint64_t keep, struct err *err);

// Whether root has all of them; else a failure with code FAILURE_ENTRY.
int capabilities_need(uint64_t wanted, struct err *err);

// Becomes the user: groups, ids; for any but uid 0 also no capability in any set, no_new_privs and locked securebits.
// Reads all back, and tries to regain root, which must fail. On failure nothing may run: the caller exits. A caller that is not
// root, and has no capability, becomes nobody but who it is.
int drop_to_user(const struct user *user, struct err *err);

// In a user namespace whose groups are not ours to set (a single id mapped without newgidmap), root keeps the caller's
// groups.
bool are_groups_fixed(void);

// A tree has the host's network, and with it the sockets that have a name but no file: some services of the host trust
// whoever is root there (CVE-2020-15257). From here on those of the caller's descendants alone are reached, where the
// kernel can do it (landlock of Linux 6.12).
int leave_abstract_sockets(struct err *err);

#endif
