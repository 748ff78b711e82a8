// Users and groups out of a tree's own etc/passwd and etc/group.
#ifndef CRUN_PASSWD_H
#define CRUN_PASSWD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

#define PASSWD_SIZE_MAX (16u * 1024u * 1024u)
#define PASSWD_GROUPS_MAX 65536u

struct user {
  uid_t uid;
  gid_t gid;
  gid_t *groups; // primary first, then the others ascending, each once; of user_free
  size_t group_count;
  char name[256]; // empty: the number has no entry
  char home[1024];
  char shell[1024];
};

// Who a spec means. Strict, so that no file of the tree can turn one user into another:
//   ""           root: 0:0, whatever the tree's files say (they give the home and the shell only)
//   digits       always a number, never a name, even if the tree has a user of that name (CVE-2016-3697);
//                no sign, no leading zero, 0 … 4294967294; without an entry in passwd it needs `:GROUP`
//   name         1 … 255 bytes, no `:`, `,`, `/`, blank or control characters, no leading `-`, `+`, `~` or `#`;
//                must be in etc/passwd
//   …:GROUP      the same rules for a group: it becomes the primary one, the user's own stay as supplementary ones
// Files are opened beneath `root`, must be regular and at most PASSWD_SIZE_MAX. Broken lines count as absent.
// Failures: code 3 with a sentence; 2 for files that are not regular or too large.
int user_resolve(int root, const char *spec, struct user *out, struct err *err);

void user_free(struct user *user);

// The name of a uid in a passwd file, for the lookup of subuids; false if there is none.
bool user_name_of(int root, uid_t uid, char *name, size_t capacity);

// The whole of a regular file beneath a root, NUL at the end; NULL with errno 0 if absent, else with `err` filled in.
char *read_beneath(int root, const char *path, size_t limit, size_t *length, struct err *err);

#endif
