// Drives the helper's binary over pipes, as a controller does.
#ifndef CRUN_TEST_CLIENT_H
#define CRUN_TEST_CLIENT_H

#include <sys/types.h>

#include "twin.h"

struct client {
  pid_t pid;
  int in;   // to its stdin
  int out;  // from its stdout
  struct buffer received;
  struct buffer frame;  // the last one, without its length
};

// Starts the helper under test, with a variable set if `variable` is not NULL ("NAME=value"), and reads the greeting.
void client_start(struct client *client, const char *variable);
void client_send(struct client *client, const void *data, size_t length);
// The next frame within ten seconds: its type, or 0 where there was none.
uint8_t client_next(struct client *client, uint32_t *channel, struct cursor *payload);
// The next frame of that channel, others dropped.
uint8_t client_await(struct client *client, uint32_t channel, struct cursor *payload);
// The next frame of that type, others dropped; false if none came.
bool client_await_type(struct client *client, uint8_t type, struct cursor *payload);
// Closes its stdin and waits: exit status, 128 + signal, or -1 where it did not end within twenty seconds.
int client_end(struct client *client);
int client_wait(struct client *client);
// The only child of the helper that is a worker; 0 where there is none.
pid_t client_worker(const struct client *client);
// Whether a process runs: one that has ended but was not yet fetched does not.
bool process_runs(pid_t pid);
// Waits up to five seconds for its end.
bool process_ends(pid_t pid);

void send_open(struct client *client, uint32_t channel, uint32_t tree, const char *path, bool is_host_root);
void send_tree_message(struct client *client, uint8_t type, uint32_t channel, uint32_t tree);
void send_observe(struct client *client, uint32_t channel, uint32_t tree, struct probe *probes, size_t count);
void send_apply(struct client *client, uint32_t channel, uint32_t tree, uint32_t batch, struct change *changes,
                size_t count);
void send_exec(struct client *client, uint32_t channel, uint32_t tree, const struct exec_spec *spec);
void send_raw(struct client *client, uint8_t type, uint32_t channel, const void *payload, size_t length);
void send_input(struct client *client, uint32_t channel, const char *text);

#endif
