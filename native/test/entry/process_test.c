// Processes: exit, streams, environment, directory, terminal, files, failures to start.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "tests.h"

static struct entry *entry;
static const char *tree;

static void exit_codes_and_signals(void) {
  begin("an exit status or a signal comes back as it was, so that a playbook can decide by it");
  static const int codes[] = {0, 1, 3, 42, 126, 127, 255};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    char script[32];
    snprintf(script, sizeof script, "exit %d", codes[i]);
    struct result result = run_shell(entry, NULL, script);
    CHECK(result.status.kind == EXIT_EXITED && result.status.value == (uint32_t)codes[i], "%d: kind %u, value %u",
          codes[i], result.status.kind, result.status.value);
    forget(&result);
  }
  struct result result = run_shell(entry, NULL, "kill -TERM $$");
  CHECK(result.status.kind == EXIT_SIGNALED && result.status.value == SIGTERM, "kind %u, value %u", result.status.kind,
        result.status.value);
  CHECK(result.pid > 1, "no pid on the host: %d", result.pid);
  forget(&result);
}

static void streams_stay_apart(void) {
  begin("stdout and stderr stay apart, and bytes of any value pass through stdin, so that output can be trusted");
  struct result result = run_shell(entry, NULL, "echo out; echo err >&2");
  CHECK_TEXT(result.out, "out\n");
  CHECK_TEXT(result.err_text, "err\n");
  forget(&result);
  result = run_shell(entry, &(struct run){.flags = EXEC_MERGE_STDERR}, "echo out; echo err >&2");
  CHECK_TEXT(result.out, "out\nerr\n");
  forget(&result);
  static char input[200000];
  for (size_t i = 0; i < sizeof input; i++) input[i] = (char)(i * 7 + i / 256);
  result = run_program(entry, &(struct run){.input = input, .input_length = sizeof input}, "/bin/cat", NULL);
  CHECK(result.out_length == sizeof input && memcmp(result.out, input, sizeof input) == 0, "%zu bytes came back",
        result.out_length);
  forget(&result);
  result = run_shell(entry, NULL, "cat; readlink /proc/self/fd/0");
  CHECK_TEXT(result.out, "/dev/null\n");
  forget(&result);
  result = run_shell(entry, &(struct run){.user = "user"}, "echo reopened > /dev/stdout; echo again > /dev/stderr");
  CHECK_TEXT(result.out, "reopened\n");
  CHECK_TEXT(result.err_text, "again\n");
  forget(&result);
}

static void environment_is_exact(void) {
  begin("the environment is what was given and the few names every program expects, nothing of the helper's");
  setenv("CRUN_TEST_LEAK", "leaked", 1);
  static const char *const given[] = {"PATH=/bin", "A=1", "EMPTY=", NULL};
  struct result result = run_program(entry, &(struct run){.environment = given}, "/bin/env", NULL);
  CHECK_TEXT(result.out, "PATH=/bin\nA=1\nEMPTY=\nHOME=/root\nSHELL=/bin/sh\nUSER=root\nLOGNAME=root\n");
  forget(&result);
  static const char *const own[] = {"PATH=/bin", "HOME=/x", "USER=y", "LOGNAME=z", "SHELL=/s", NULL};
  result = run_program(entry, &(struct run){.environment = own, .user = "user"}, "/bin/env", NULL);
  CHECK_TEXT(result.out, "PATH=/bin\nHOME=/x\nUSER=y\nLOGNAME=z\nSHELL=/s\n");
  forget(&result);
  static const char *const none[] = {NULL};
  result = run_program(entry, &(struct run){.environment = none, .user = "homeless"}, "env", NULL);
  CHECK_TEXT(result.out,
             "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nHOME=/nowhere\nSHELL=/bin/ash\n"
             "USER=homeless\nLOGNAME=homeless\n");
  forget(&result);
}

static void directory(void) {
  begin("the directory is the one given, else the user's home where there is one, else /");
  static const struct {
    const char *user, *directory, *expected;
  } cases[] = {{"", "", "/\n"},         {"", "/tmp", "/tmp\n"},     {"user", "", "/home/user\n"},
               {"homeless", "", "/\n"}, {"user", "/etc", "/etc\n"}, {"root", "", "/root\n"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct result result =
        run_program(entry, &(struct run){.user = cases[i].user, .directory = cases[i].directory}, "/bin/pwd", NULL);
    CHECK_TEXT(result.out, cases[i].expected);
    forget(&result);
  }
  struct result result = run_program(entry, &(struct run){.directory = "/absent"}, "/bin/pwd", NULL);
  CHECK(!result.is_started && result.err.errno_ == ENOENT && strcmp(result.err.step, "chdir") == 0 &&
            strcmp(result.err.path, "/absent") == 0,
        "step %s, path %s, errno %d", result.err.step, result.err.path, result.err.errno_);
  forget(&result);
}

static void failures_name_their_step(void) {
  begin("a process that cannot be started says which step failed on what, so that the user can mend it");
  write_file(tree, "/bin/foreign", "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0");
  char *path = NULL;
  if (asprintf(&path, "%s/bin/foreign", tree) < 0) return;
  // An ELF head for aarch64: e_type 2, e_machine 183.
  unsigned char head[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 2, [18] = 183, [20] = 1, [52] = 64};
  FILE *file = fopen(path, "w");
  fwrite(head, sizeof head, 1, file);
  fclose(file);
  chmod(path, 0755);
  free(path);
  write_file(tree, "/bin/no-interpreter", "#!/bin/absent\n");
  write_file(tree, "/bin/plain", "echo hi\n");
  write_file(tree, "/bin/foreign-script", "#! /bin/foreign -e\n");
  head[18] = 62, head[16] = 0; // x86_64, but no program
  write_file(tree, "/bin/damaged", "");
  if (asprintf(&path, "%s/bin/damaged", tree) < 0) return;
  file = fopen(path, "w");
  fwrite(head, sizeof head, 1, file);
  fclose(file);
  free(path);
  write_file(tree, "/bin/not-executable", "#!/bin/sh\n");
  struct result result = run_shell(entry, NULL, "chmod 755 /bin/no-interpreter /bin/plain /bin/foreign-script /bin/damaged");
  forget(&result);
  static const struct {
    const char *program, *path, *says;
    int errno_value;
  } cases[] = {{"absent", "absent", "no absent in PATH", ENOENT},
               {"/bin/absent", "/bin/absent", "", ENOENT},
               {"foreign", "/bin/foreign", "aarch64", ENOEXEC},
               {"/bin/foreign-script", "/bin/foreign-script",
                "/bin/foreign, the interpreter of /bin/foreign-script, is a program for aarch64", ENOEXEC},
#ifdef __x86_64__
               {"/bin/damaged", "/bin/damaged", "is damaged", ENOEXEC},
#endif
               {"/bin/plain", "/bin/plain", "#! line", ENOEXEC},
               {"no-interpreter", "/bin/no-interpreter", "interpreter", ENOENT},
               {"not-executable", "not-executable", "", EACCES},
               {"/etc", "/etc", "", EACCES}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    result = run_program(entry, NULL, cases[i].program, NULL);
    CHECK(!result.is_started, "%s was started", cases[i].program);
    CHECK(result.err.errno_ == cases[i].errno_value && strcmp(result.err.step, "exec") == 0, "%s: step %s, errno %d",
          cases[i].program, result.err.step, result.err.errno_);
    CHECK_TEXT(result.err.path, cases[i].path);
    CHECK(strstr(result.err.message, cases[i].says) != NULL, "%s: message \"%s\"", cases[i].program,
          result.err.message);
    forget(&result);
  }
}

static void no_descriptor_leaks(void) {
  begin("a process has three descriptors, whatever the helper has open (CVE-2024-21626)");
  int open_ones[40];
  for (int i = 0; i < 40; i++) open_ones[i] = open("/", O_RDONLY); // not even close-on-exec
  struct entry *fresh = open_entry(tree, ENTRY_UNSHARE);
  struct result result = run_shell(fresh, NULL, "ls /proc/$$/fd; true");
  CHECK_TEXT(result.out, "0\n1\n2\n");
  forget(&result);
  result = run_shell(fresh, &(struct run){.directory = "/proc/self/fd/3"}, "pwd");
  CHECK(!result.is_started, "entered a descriptor of the helper's: %s", result.out);
  forget(&result);
  entry_close(fresh);
  for (int i = 0; i < 40; i++) close(open_ones[i]);
}

static void session_and_signals(void) {
  begin("a process leads a session of its own with no signal blocked or ignored");
  struct result result = run_shell(entry, NULL,
                                   "cut -d' ' -f1,5,6 /proc/$$/stat 2>/dev/null || /bin/busybox cut -d' ' -f1,5,6 "
                                   "/proc/$$/stat; cat /proc/$$/status");
  int pid = 0, group = 1, session = 2;
  CHECK(sscanf(result.out, "%d %d %d", &pid, &group, &session) == 3 && pid == group && pid == session,
        "pid %d group %d session %d", pid, group, session);
  forget(&result);
  result = run_program(entry, NULL, "/bin/cat", "/proc/self/status", NULL);
  const char *ignored = line_of(result.out, "SigIgn:\t");
  CHECK(ignored != NULL && strcmp(ignored, "0000000000000000") == 0, "ignored: %s", ignored == NULL ? "?" : ignored);
  const char *blocked = line_of(result.out, "SigBlk:\t");
  CHECK(blocked != NULL && strcmp(blocked, "0000000000000000") == 0, "blocked: %s", blocked == NULL ? "?" : blocked);
  forget(&result);
}

static void terminal(void) {
  begin("a terminal is the entry's own, of the size and owner asked for, and never the caller's (CVE-2017-5226)");
  struct result result = run_shell(entry, &(struct run){.flags = EXEC_PTY, .user = "user"},
                                   "tty; stty size; stat -c %u /dev/pts/0; echo x > /dev/tty; ls -1 /dev/pts");
  CHECK_TEXT(result.out, "/dev/pts/0\r\n24 80\r\n1000\r\nx\r\n0\r\nptmx\r\n");
  forget(&result);
  result = run_program(entry, NULL, "/bin/tty", NULL);
  CHECK_TEXT(result.out, "not a tty\n");
  forget(&result);
  result = run_shell(entry, NULL, "exec 3</dev/tty");
  CHECK(result.status.value != 0, "a process without a terminal opened /dev/tty");
  forget(&result);
}

static void private_files(void) {
  begin("files of an exec are seen by that process alone, at @files@, and never in the tree");
  struct exec_file files[] = {
      {.name = "script", .mode = 0755, .content = {.bytes = {(const uint8_t *)"#!/bin/sh\necho ran $0\n", 22}}},
      {.name = "data", .mode = 0640, .content = {.bytes = {(const uint8_t *)"\0\1", 2}}}};
  static const char *const environment[] = {"PATH=@files@:/bin", "BOTH=@files@ @files@", NULL};
  struct run run = {.files = files, .file_count = 2, .environment = environment};
  struct result result =
      run_shell(entry, &run, "script; echo $BOTH; stat -c '%n %a %u %s' @files@ @files@/*; touch /run/crun/left");
  CHECK_TEXT(result.out, "ran /run/crun/script\n/run/crun /run/crun\n/run/crun 755 0 80\n/run/crun/data 640 0 "
                         "2\n/run/crun/script 755 0 22\n");
  forget(&result);
  result = run_shell(entry, NULL, "ls /run/crun");
  CHECK(strstr(result.out, "script") == NULL && strstr(result.out, "left") == NULL, "left behind: %s", result.out);
  forget(&result);
  result = run_program(entry, &(struct run){.files = files, .file_count = 2, .user = "user"}, "@files@/script", NULL);
  CHECK_TEXT(result.out, "ran /run/crun/script\n");
  forget(&result);
  files[0].name = "../out";
  result = run_program(entry, &run, "/bin/true", NULL);
  CHECK(!result.is_started && result.err.code == FAILURE_BAD_REQUEST, "a name with a slash was taken");
  forget(&result);
}

static void large_arguments(void) {
  begin("arguments and environment beyond a socket's buffer arrive whole");
  char *large = malloc(120001);
  memset(large, 'x', 120000);
  large[120000] = '\0';
  const char *const environment[] = {"PATH=/bin", large, large, NULL};
  memcpy(large, "L=", 2);
  struct result result = run_shell(entry, &(struct run){.environment = environment}, "echo ${#L}");
  CHECK_TEXT(result.out, "119998\n");
  forget(&result);
  free(large);
}

void test_processes(void) {
  tree = make_tree("processes");
  entry = open_entry(tree, ENTRY_UNSHARE);
  exit_codes_and_signals();
  streams_stay_apart();
  environment_is_exact();
  directory();
  failures_name_their_step();
  no_descriptor_leaks();
  session_and_signals();
  terminal();
  private_files();
  large_arguments();
  entry_close(entry);
}
