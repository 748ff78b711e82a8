// Drives the helper's binary over pipes, as a controller does.
#include "client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forbid.h"
#include "test.h"

#define PATIENCE_MS 10000

static bool receive(struct client *client, size_t length) {
  while (client->received.length < length) {
    struct pollfd poll_fd = {.fd = client->out, .events = POLLIN};
    ssize_t got;
    if (poll(&poll_fd, 1, PATIENCE_MS) <= 0) return false;
    got = read(client->out, buffer_reserve(&client->received, 65536), 65536);
    if (got <= 0) return false;
    client->received.length += (size_t)got;
  }
  return true;
}

void client_start(struct client *client, const char *variable) {
  int in[2], out[2];
  struct cursor payload;
  uint32_t channel;
  *client = (struct client){0};
  CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
  client->pid = fork();
  if (client->pid == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    if (!test.has_openat2) forbid_calls("openat2");
    if (variable != NULL) putenv((char *)(uintptr_t)variable);
    execl(test.helper, test.helper, (char *)NULL);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  client->in = in[1];
  client->out = out[0];
  if (!CHECK(receive(client, 8) && memcmp(client->received.data, "\0CRUN\1\r\n", 8) == 0)) return;
  buffer_drop_front(&client->received, 8);
  CHECK_EQUAL(client_next(client, &channel, &payload), MESSAGE_GREETING);
  CHECK_EQUAL(get_u16(&payload), PROTOCOL_VERSION);
}

void client_send(struct client *client, const void *data, size_t length) {
  // A helper that ended takes no more: what the test awaits will tell.
  for (size_t at = 0; at < length;) {
    ssize_t written = write(client->in, (const uint8_t *)data + at, length - at);
    if (written <= 0) return;
    at += (size_t)written;
  }
}

uint8_t client_next(struct client *client, uint32_t *channel, struct cursor *payload) {
  uint32_t length;
  *channel = 0;
  *payload = (struct cursor){0};
  if (!receive(client, 4)) return 0;
  length = read_u32(client->received.data);
  if (!CHECK(length >= FRAME_MIN && length <= FRAME_MAX) || !receive(client, 4 + length)) return 0;
  client->frame.length = 0;
  put_raw(&client->frame, client->received.data + 4, length);
  buffer_drop_front(&client->received, 4 + length);
  *channel = read_u32(client->frame.data + 1);
  *payload = (struct cursor){.at = client->frame.data + 5, .left = length - 5};
  return client->frame.data[0];
}

uint8_t client_await(struct client *client, uint32_t channel, struct cursor *payload) {
  uint32_t got;
  uint8_t type;
  do type = client_next(client, &got, payload);
  while (type != 0 && got != channel);
  return type;
}

bool client_await_type(struct client *client, uint8_t type, struct cursor *payload) {
  uint32_t channel;
  uint8_t got;
  do got = client_next(client, &channel, payload);
  while (got != 0 && got != type);
  return got == type;
}

int client_wait(struct client *client) {
  int status = 0;
  pid_t got = 0;
  for (unsigned tries = 0; tries < 2000 && got == 0; tries++) {
    got = waitpid(client->pid, &status, WNOHANG);
    if (got == 0) usleep(10000);
  }
  if (got == 0) {
    kill(client->pid, SIGKILL);
    waitpid(client->pid, &status, 0);
    status = -1;
  } else {
    status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  if (client->in >= 0) close(client->in);
  close(client->out);
  buffer_free(&client->received);
  buffer_free(&client->frame);
  return status;
}

int client_end(struct client *client) {
  close(client->in);
  client->in = -1;
  return client_wait(client);
}

pid_t client_worker(const struct client *client) {
  char path[64], line[256] = "";
  FILE *file;
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)client->pid, (int)client->pid);
  file = fopen(path, "r");
  if (file == NULL) return 0;
  if (fgets(line, sizeof line, file) == NULL) line[0] = '\0';
  fclose(file);
  return (pid_t)atoi(line);
}

bool process_runs(pid_t pid) {
  char path[64], state = 'X';
  FILE *file;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  file = fopen(path, "r");
  if (file == NULL) return false;
  if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 'X';
  fclose(file);
  return state != 'Z' && state != 'X';
}

bool process_ends(pid_t pid) {
  for (unsigned i = 0; i < 500 && process_runs(pid); i++) usleep(10000);
  return !process_runs(pid);
}

void send_raw(struct client *client, uint8_t type, uint32_t channel, const void *payload, size_t length) {
  auto_buffer struct buffer out = {0};
  size_t start = frame_begin(&out, (enum message_type)type, channel);
  put_raw(&out, payload, length);
  frame_end(&out, start);
  client_send(client, out.data, out.length);
}

void send_tree_message(struct client *client, uint8_t type, uint32_t channel, uint32_t tree) {
  uint8_t payload[4] = {(uint8_t)tree, (uint8_t)(tree >> 8), (uint8_t)(tree >> 16), (uint8_t)(tree >> 24)};
  send_raw(client, type, channel, payload, sizeof payload);
}

void send_open(struct client *client, uint32_t channel, uint32_t tree, const char *path, bool is_host_root) {
  auto_buffer struct buffer out = {0};
  put_open_tree(&out,
                &(struct open_tree){.tree = tree, .path = path, .entry = ENTRY_CHROOT, .is_host_root = is_host_root});
  send_raw(client, MESSAGE_OPEN_TREE, channel, out.data, out.length);
}

void send_observe(struct client *client, uint32_t channel, uint32_t tree, struct probe *probes, size_t count) {
  auto_buffer struct buffer out = {0};
  put_observe(&out, &(struct observe){.tree = tree, .probes = probes, .count = count});
  send_raw(client, MESSAGE_OBSERVE, channel, out.data, out.length);
}

void send_apply(struct client *client, uint32_t channel, uint32_t tree, uint32_t batch, struct change *changes,
                size_t count) {
  auto_buffer struct buffer out = {0};
  put_apply(&out, &(struct apply){.tree = tree, .batch = batch, .changes = changes, .count = count});
  send_raw(client, MESSAGE_APPLY, channel, out.data, out.length);
}

void send_exec(struct client *client, uint32_t channel, uint32_t tree, const struct exec_spec *spec) {
  auto_buffer struct buffer out = {0};
  put_u32(&out, tree);
  put_exec(&out, spec);
  send_raw(client, MESSAGE_EXEC, channel, out.data, out.length);
}

void send_input(struct client *client, uint32_t channel, const char *text) {
  auto_buffer struct buffer out = {0};
  put_str(&out, text);
  send_raw(client, MESSAGE_INPUT, channel, out.data, out.length);
}
