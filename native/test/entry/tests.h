// The groups of tests of the entry.
#ifndef CRUN_ENTRY_TESTS_H
#define CRUN_ENTRY_TESTS_H

void test_processes(void);
void test_users(void);
void test_isolation(void);
void test_hostile_trees(void);
void test_life(void);
void test_kinds(void);
void test_without_root(void);
// What the test program does inside a tree (it is static, and copied to /bin/payload).
int run_payload(int count, char **arguments);
// Run in a program of their own, executed anew: by the name of what is to be done there.
struct privilege;
int run_helper_role(const char *role, int count, char **arguments, const struct privilege *privilege);

#endif
