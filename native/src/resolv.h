// Names of hosts in an entered tree: the host's resolv.conf, and the tree's hostname.
#ifndef CRUN_RESOLV_H
#define CRUN_RESOLV_H

#include "error.h"

// Shows the host's resolv.conf in place of the tree's, from a copy in the private /run; the tree is not touched. The
// tree's own may be a regular file (the copy is bound over it), a link to a file of the tree (likewise), or a link into
// /run, as systemd-resolved's (the copy is put where it leads). Where it is absent, or a link that leads nowhere else,
// nothing is shown. `run`: root of the private /run, or -1: nothing.
int mount_resolv(int root, int run, struct err *err);

// Sets the hostname to that of the tree's /etc/hostname, or else to the fallback, cut to what a hostname may hold.
// Never fails on what the tree says.
int set_hostname(const char *fallback, struct err *err);

#endif
