// Processes through the helper's binary: streams, limits, time, kills.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "fixture.h"
#include "test.h"

void exec_tests(void);

static struct client client;
static char *arguments[4];
static char *environment[2];

// `sh -c SCRIPT` on the host's own root.
static struct exec_spec shell(const char *script) {
  static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", sh[] = "/bin/sh", option[] = "-c";
  arguments[0] = sh;
  arguments[1] = option;
  arguments[2] = (char *)(uintptr_t)script;
  environment[0] = path;
  return (struct exec_spec){
      .argv = arguments, .environment = environment, .directory = "/", .user = "", .umask = 022, .entry = ENTRY_TREES};
}

static void start(void) {
  struct cursor payload;
  client_start(&client, NULL);
  send_open(&client, 1, 1, "/", true);
  CHECK_EQUAL(client_await(&client, 1, &payload), MESSAGE_OPENED);
}

// The result of an EXEC probe: exit kind, value and stdout.
static char *observe_exec(struct exec_spec *spec, uint8_t *kind, uint32_t *value) {
  struct probe probe = {.kind = PROBE_EXEC, .path = "", .exec = spec};
  struct cursor payload;
  static uint32_t channel = 100;
  struct bytes text;
  *kind = 255;
  send_observe(&client, ++channel, 1, &probe, 1);
  if (!CHECK_EQUAL(client_await(&client, channel, &payload), MESSAGE_OBSERVED)) return strdup("");
  get_raw(&payload, 9);
  if (!CHECK_EQUAL(get_u8(&payload), 0)) return strdup("");
  *kind = get_u8(&payload);
  *value = get_u32(&payload);
  get_raw(&payload, 5);
  for (unsigned i = 0; i < 3; i++) get_bytes(&payload);
  get_raw(&payload, 8);
  text = get_bytes(&payload);
  return strndup((const char *)text.data, text.length);
}

static void check_exec(struct exec_spec spec, const char *expected, uint8_t expected_kind, uint32_t expected_value) {
  uint8_t kind;
  uint32_t value = 0;
  char *text = observe_exec(&spec, &kind, &value);
  CHECK_TEXT(text, expected);
  CHECK_EQUAL(kind, expected_kind);
  CHECK_EQUAL(value, expected_value);
  free(text);
}

static void test_results(void) {
  struct exec_spec spec;
  start();
  check_exec(shell("echo out; echo err >&2; exit 3"), "out\n", EXIT_EXITED, 3);
  check_exec(shell("kill -TERM $$"), "", EXIT_SIGNALED, SIGTERM);
  spec = shell("cat; echo end");
  spec.stdin_kind = STDIN_BYTES;
  spec.stdin_bytes = (struct bytes){(const uint8_t *)"given\n", 6};
  check_exec(spec, "given\nend\n", EXIT_EXITED, 0);
  check_exec(shell("read line; echo $?"), "1\n", EXIT_EXITED, 0);
  spec = shell("yes | head -c 100000");
  spec.output_limit = 6;
  check_exec(spec, "y\ny\ny\n", EXIT_EXITED, 0);
  spec = shell("echo a; echo b >&2; echo c");
  spec.flags = EXEC_MERGE_STDERR;
  check_exec(spec, "a\nb\nc\n", EXIT_EXITED, 0);
  spec = shell("sleep 100");
  spec.timeout_ms = 100;
  check_exec(spec, "", EXIT_TIMED_OUT, SIGKILL);
  // A daemon that keeps the pipe open is not waited for.
  check_exec(shell("(sleep 100; echo late) & echo early"), "early\n", EXIT_EXITED, 0);
  CHECK_EQUAL(client_end(&client), 0);
}

static void test_live(void) {
  struct exec_spec spec = shell("while read line; do echo \"got $line\"; done; exit 5");
  struct cursor payload;
  struct bytes data;
  start();
  spec.stdin_kind = STDIN_STREAM;
  send_exec(&client, 2, 1, &spec);
  // Input that comes before the process runs waits for it.
  send_input(&client, 2, "one\n");
  CHECK_EQUAL(client_await(&client, 2, &payload), MESSAGE_STARTED);
  CHECK(client_await_type(&client, MESSAGE_OUTPUT, &payload));
  get_raw(&payload, 5);
  data = get_bytes(&payload);
  CHECK(data.length == 8 && memcmp(data.data, "got one\n", 8) == 0);
  send_input(&client, 2, "two\n");
  CHECK(client_await_type(&client, MESSAGE_OUTPUT, &payload));
  send_input(&client, 2, "");
  CHECK(client_await_type(&client, MESSAGE_EXITED, &payload));
  CHECK_EQUAL(get_u8(&payload), EXIT_EXITED);
  CHECK_EQUAL(get_u32(&payload), 5);
  CHECK_EQUAL(client_end(&client), 0);
}

static void test_cancel(void) {
  struct exec_spec spec = shell("sleep 100");
  struct change changes[2] = {{.kind = CHANGE_EXEC, .path = "", .exec = &spec}, new_write("/never", "x")};
  struct cursor payload;
  make_directory("tree");
  start();
  send_exec(&client, 2, 1, &spec);
  CHECK_EQUAL(client_await(&client, 2, &payload), MESSAGE_STARTED);
  send_raw(&client, MESSAGE_CANCEL, 2, "", 0);
  CHECK_EQUAL(client_await(&client, 2, &payload), MESSAGE_EXITED);
  CHECK_EQUAL(get_u8(&payload), EXIT_CANCELLED);
  send_apply(&client, 3, 1, 1, changes, 2);
  usleep(100000);
  send_raw(&client, MESSAGE_CANCEL, 3, "", 0);
  CHECK_EQUAL(client_await(&client, 3, &payload), MESSAGE_APPLIED);
  get_raw(&payload, 5);
  CHECK_EQUAL(get_u8(&payload), EXIT_CANCELLED);
  CHECK_EQUAL(client_await(&client, 3, &payload), MESSAGE_DONE);
  CHECK_EQUAL(get_u32(&payload), 0);
  spec = shell("trap 'echo caught; exit 9' USR1; echo ready; while :; do sleep 0.05; done");
  send_exec(&client, 4, 1, &spec);
  CHECK(client_await_type(&client, MESSAGE_OUTPUT, &payload));
  send_raw(&client, MESSAGE_SIGNAL, 4, "\xa", 1);
  CHECK(client_await_type(&client, MESSAGE_EXITED, &payload));
  CHECK_EQUAL(get_u8(&payload), EXIT_EXITED);
  CHECK_EQUAL(get_u32(&payload), 9);
  CHECK_EQUAL(client_end(&client), 0);
}

// Requests of one tree wait for a process that runs in it; other trees do not.
static void test_order(void) {
  struct exec_spec spec = shell("sleep 0.5");
  struct probe probe = {.kind = PROBE_STAT, .path = "/"};
  struct cursor payload;
  uint32_t channel;
  make_directory("tree");
  start();
  send_open(&client, 2, 2, scratch("tree"), false);
  CHECK_EQUAL(client_await(&client, 2, &payload), MESSAGE_OPENED);
  send_exec(&client, 3, 1, &spec);
  CHECK_EQUAL(client_await(&client, 3, &payload), MESSAGE_STARTED);
  send_observe(&client, 4, 1, &probe, 1);
  send_observe(&client, 5, 2, &probe, 1);
  client_next(&client, &channel, &payload);
  CHECK_EQUAL(channel, 5);
  CHECK_EQUAL(client_next(&client, &channel, &payload), MESSAGE_EXITED);
  client_next(&client, &channel, &payload);
  CHECK_EQUAL(channel, 4);
  CHECK_EQUAL(client_end(&client), 0);
}

static void test_left_running(void) {
  for (unsigned way = 0; way < 2; way++) {
    struct exec_spec spec = shell("sleep 1000");
    struct cursor payload;
    pid_t pid;
    start();
    send_exec(&client, 2, 1, &spec);
    CHECK_EQUAL(client_await(&client, 2, &payload), MESSAGE_STARTED);
    pid = (pid_t)get_u32(&payload);
    CHECK(process_runs(pid));
    if (way == 0) {
      CHECK_EQUAL(client_end(&client), 0);
    } else {
      kill(client.pid, SIGKILL);
      CHECK_EQUAL(client_wait(&client), 128 + SIGKILL);
    }
    CHECK(process_ends(pid));
  }
}

static void test_flood(void) {
  struct exec_spec spec = shell("head -c 50000000 /dev/zero");
  struct cursor payload;
  uint64_t length = 0;
  uint32_t channel;
  uint8_t type;
  start();
  send_exec(&client, 2, 1, &spec);
  usleep(200000);
  while ((type = client_next(&client, &channel, &payload)) == MESSAGE_OUTPUT || type == MESSAGE_STARTED) {
    if (type == MESSAGE_STARTED) continue;
    get_raw(&payload, 5);
    length += get_bytes(&payload).length;
  }
  CHECK_EQUAL(type, MESSAGE_EXITED);
  CHECK_EQUAL(length, 50000000);
  CHECK_EQUAL(client_end(&client), 0);
}

// A probe that is answered while something else runs.
static void check_goes_on(uint32_t tree) {
  static uint32_t channel = 500;
  struct probe probe = {.kind = PROBE_STAT, .path = "/"};
  struct cursor payload;
  uint32_t answered;
  send_observe(&client, ++channel, tree, &probe, 1);
  CHECK_EQUAL(client_next(&client, &answered, &payload), MESSAGE_OBSERVED);
  CHECK_EQUAL(answered, channel);
}

static void check_exited(uint32_t channel, uint8_t kind, uint32_t value) {
  struct cursor payload;
  uint8_t type;
  while ((type = client_await(&client, channel, &payload)) == MESSAGE_OUTPUT) continue;
  CHECK_EQUAL(type, MESSAGE_EXITED);
  CHECK_EQUAL(get_u8(&payload), kind);
  if (kind == EXIT_EXITED) CHECK_EQUAL(get_u32(&payload), value);
}

static void test_background(void) {
  struct exec_spec spec = shell("cat; sleep 0.4; exit 3");
  struct cursor payload;
  uint32_t channel;
  start();
  spec.flags = EXEC_BACKGROUND;
  spec.stdin_kind = STDIN_BYTES;
  spec.stdin_bytes = (struct bytes){(const uint8_t *)"given", 5};
  send_exec(&client, 2, 1, &spec);
  CHECK_EQUAL(client_await(&client, 2, &payload), MESSAGE_STARTED);
  CHECK(client_await_type(&client, MESSAGE_OUTPUT, &payload));
  get_raw(&payload, 5);
  CHECK_EQUAL(get_bytes(&payload).length, 5);
  spec = shell("sleep 0.1; exit 4");
  spec.flags = EXEC_BACKGROUND;
  send_exec(&client, 3, 1, &spec);
  CHECK_EQUAL(client_await(&client, 3, &payload), MESSAGE_STARTED);
  check_goes_on(1);
  // Whichever ends first is told first, while a process in the foreground runs.
  spec = shell("sleep 0.6; exit 5");
  send_exec(&client, 4, 1, &spec);
  CHECK_EQUAL(client_await(&client, 4, &payload), MESSAGE_STARTED);
  CHECK_EQUAL(client_next(&client, &channel, &payload), MESSAGE_EXITED);
  CHECK_EQUAL(channel, 3);
  CHECK_EQUAL(get_u8(&payload), EXIT_EXITED);
  CHECK_EQUAL(get_u32(&payload), 4);
  CHECK_EQUAL(client_next(&client, &channel, &payload), MESSAGE_EXITED);
  CHECK_EQUAL(channel, 2);
  get_u8(&payload);
  CHECK_EQUAL(get_u32(&payload), 3);
  check_exited(4, EXIT_EXITED, 5);
  CHECK_EQUAL(client_end(&client), 0);
}

static void test_background_limits(void) {
  struct exec_spec spec = shell("yes | head -c 3000000; sleep 1000");
  struct cursor payload;
  uint64_t length = 0;
  uint8_t type;
  start();
  spec.flags = EXEC_BACKGROUND;
  spec.timeout_ms = 700;
  spec.output_limit = 100000;
  send_exec(&client, 2, 1, &spec);
  while ((type = client_await(&client, 2, &payload)) == MESSAGE_OUTPUT || type == MESSAGE_STARTED) {
    if (type == MESSAGE_STARTED) continue;
    get_raw(&payload, 5);
    length += get_bytes(&payload).length;
  }
  CHECK_EQUAL(type, MESSAGE_EXITED);
  CHECK_EQUAL(get_u8(&payload), EXIT_TIMED_OUT);
  CHECK_EQUAL(length, 100000);
  spec = shell("sleep 1000 & sleep 1000");
  spec.flags = EXEC_BACKGROUND;
  send_exec(&client, 3, 1, &spec);
  CHECK_EQUAL(client_await(&client, 3, &payload), MESSAGE_STARTED);
  check_goes_on(1);
  send_raw(&client, MESSAGE_CANCEL, 3, "", 0);
  check_exited(3, EXIT_CANCELLED, 0);
  spec = shell("sleep 1000");
  spec.flags = EXEC_BACKGROUND;
  spec.user = "no-such-user";
  send_exec(&client, 4, 1, &spec);
  CHECK_EQUAL(client_await(&client, 4, &payload), MESSAGE_ERROR);
  CHECK_EQUAL(client_end(&client), 0);
}

// On the host it goes on, whatever becomes of the helper, and its time is watched; in a tree it ends.
static void test_background_end(void) {
  for (unsigned way = 0; way < 3; way++) {
    struct exec_spec spec = shell("while :; do echo much; sleep 0.01; done");
    struct cursor payload;
    pid_t on_host, in_tree;
    start();
    send_open(&client, 2, 2, "/", false);
    CHECK_EQUAL(client_await(&client, 2, &payload), MESSAGE_OPENED);
    spec.flags = EXEC_BACKGROUND;
    spec.timeout_ms = 2000;
    send_exec(&client, 3, 1, &spec);
    CHECK_EQUAL(client_await(&client, 3, &payload), MESSAGE_STARTED);
    on_host = (pid_t)get_u32(&payload);
    CHECK_EQUAL(get_u32(&payload), STARTED_LIVES_ON);
    send_exec(&client, 4, 2, &spec);
    CHECK_EQUAL(client_await(&client, 4, &payload), MESSAGE_STARTED);
    in_tree = (pid_t)get_u32(&payload);
    CHECK_EQUAL(get_u32(&payload), 0);
    CHECK(process_runs(on_host) && process_runs(in_tree));
    if (way == 0) {
      CHECK_EQUAL(client_end(&client), 0);
    } else if (way == 1) {
      kill(client.pid, SIGKILL);
      CHECK_EQUAL(client_wait(&client), 128 + SIGKILL);
    } else {
      send_tree_message(&client, MESSAGE_CLOSE_TREE, 5, 1);
      send_tree_message(&client, MESSAGE_CLOSE_TREE, 6, 2);
      CHECK_EQUAL(client_await(&client, 6, &payload), MESSAGE_DONE);
    }
    CHECK(process_ends(in_tree));
    usleep(300000);
    CHECK(process_runs(on_host));
    CHECK(process_ends(on_host));
    if (way == 2) CHECK_EQUAL(client_end(&client), 0);
  }
}

// Directories that look like cgroups: no cgroup.procs is in them, so that nothing is put there, and they are gone at the
// end; one in which there is a file already keeps it.
static void test_cgroups(void) {
  char *made = strdup(scratch("made")), *file = strdup(scratch("file")), *missing = strdup(scratch("missing/file"));
  struct cgroup_step steps[] = {{.path = file, .value = {(const uint8_t *)"value", 5}}, {.path = made}};
  struct cgroup_step wrong = {.path = missing, .value = {(const uint8_t *)"x", 1}};
  make_file("file", "");
  start();
  struct exec_spec spec = shell("echo never");
  spec.cgroups = steps;
  spec.cgroup_count = 2;
  check_exec(spec, "", EXIT_NOT_STARTED, 0);
  CHECK(access(made, F_OK) == 0);
  spec.cgroups = &wrong;
  spec.cgroup_count = 1;
  check_exec(spec, "", EXIT_NOT_STARTED, 0);
  char script[1024];
  snprintf(script, sizeof script, "cat %s", file);
  spec = shell(script);
  spec.cgroups = steps;
  spec.cgroup_count = 1;
  check_exec(spec, "value", EXIT_EXITED, 0);
  CHECK_EQUAL(client_end(&client), 0);
  CHECK(access(made, F_OK) != 0 && access(file, F_OK) == 0);
  free(made), free(file), free(missing);
}

// The terminal is for the question alone: all of stdin but the answer's line is the command's.
static void test_question(void) {
  int in[2], out[2], state = 0;
  char text[256] = "";
  CHECK(pipe(in) == 0 && pipe(out) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    close(in[1]);
    close(out[0]);
    dup2(open("/dev/null", O_WRONLY), 2);
    execl(test.helper, "helper", "--terminal", "sh", "-c",
          "exec 3<>/dev/tty; stty -echo <&3; printf 'Word: ' >&3; read answer <&3; stty echo <&3; echo \"got $answer\"; "
          "exec 3>&-; cat; exit 5",
          (char *)NULL);
    _exit(99);
  }
  close(in[0]);
  close(out[1]);
  CHECK(write(in[1], "secret\nrest\n", 12) == 12);
  close(in[1]);
  for (size_t length = 0; length < sizeof text - 1;) {
    ssize_t got = read(out[0], text + length, sizeof text - 1 - length);
    if (got <= 0) break;
    length += (size_t)got;
  }
  close(out[0]);
  waitpid(pid, &state, 0);
  CHECK_TEXT(text, "got secret\nrest\n");
  CHECK_EQUAL(WEXITSTATUS(state), 5);
}

void exec_tests(void) {
  if (geteuid() != 0) {
    test_skip("processes through the helper", "needs root for the host's own root");
    return;
  }
  test_run("a process's status, output, input, limits and time are told", test_results);
  test_run("an EXEC has live streams", test_live);
  test_run("CANCEL and SIGNAL reach what runs", test_cancel);
  test_run("a tree's requests wait for its process, other trees' do not", test_order);
  test_run("nothing runs on when the connection or the helper ends", test_left_running);
  test_run("a process in the background holds nothing up", test_background);
  test_run("a process in the background keeps to its limits and is cancelled", test_background_limits);
  test_run("a process in the background ends with its tree, and lives on, for its time, on the host", test_background_end);
  test_run("cgroups are made for a process before it begins, and go with the connection", test_cgroups);
  test_run("a question at the terminal is answered from stdin", test_question);
  test_run("output of any length comes whole through a slow reader", test_flood);
}
