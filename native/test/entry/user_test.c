// Users: who a spec means, and that a drop has no way back.
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>

#include "../../src/passwd.h"
#include "harness.h"
#include "tests.h"

static struct entry *entry;
static const char *tree;

static void specs(void) {
  begin("a user spec means exactly one user, and what is not one is refused (CVE-2016-3697)");
  static const struct {
    const char *spec, *expected; // NULL: refused
  } cases[] = {
      {"", "uid=0 gid=0 groups=0"},
      {"root", "uid=0 gid=0 groups=0"},
      {"0", "uid=0 gid=0 groups=0"},
      {"user", "uid=1000 gid=1000 groups=1000,50,29"},
      {"1000", "uid=1000 gid=1000 groups=1000,50,29"},
      {"user:audio", "uid=1000 gid=29 groups=29,50,1000"},
      {"user:50", "uid=1000 gid=50 groups=50,29,1000"},
      {"1000:0", "uid=1000 gid=0 groups=0,50,29,1000"},
      {"4242:4243", "uid=4242 gid=4243 groups=4243"},
      {"1000000:5", "uid=1000000 gid=5 groups=5"}, // a number, though the tree has a user of that name with id 0
      {"1000000", NULL},
      {"4242", NULL},
      {"absent", NULL},
      {"broken", NULL},
      {"short", NULL},
      {"user:absent", NULL},
      {":audio", NULL},
      {"user:", NULL},
      {"-1", NULL},
      {"+0", NULL},
      {" 0", NULL},
      {"00", NULL},
      {"0x0", NULL},
      {"1e3", NULL},
      {"4294967295", NULL},
      {"4294967296", NULL},
      {"18446744073709551616", NULL},
      {"user:audio:x", NULL},
      {"user,root", NULL},
      {"../root", NULL},
      {"root\n", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct result result = run_shell(entry, &(struct run){.user = cases[i].spec, .directory = "/"},
                                     "echo uid=$(id -u) gid=$(id -g) groups=$(grep Groups: /proc/self/status)");
    if (cases[i].expected == NULL) {
      CHECK(!result.is_started && result.err.code == FAILURE_NO_SUCH_USER && result.err.message[0] != '\0',
            "\"%s\" was taken: %s", cases[i].spec, result.out);
    } else if (CHECK(result.is_started, "\"%s\" was refused: %s", cases[i].spec, result.err.message)) {
      char actual[256] = "", want[256];
      unsigned uid = 9, gid = 9;
      sscanf(result.out, "uid=%u gid=%u", &uid, &gid);
      snprintf(actual, sizeof actual, "uid=%u gid=%u", uid, gid);
      snprintf(want, sizeof want, "%.*s", (int)(strstr(cases[i].expected, " groups") - cases[i].expected),
               cases[i].expected);
      CHECK_TEXT(actual, want);
      // The kernel sorts them: compare as sets.
      char groups[256];
      snprintf(groups, sizeof groups, " %s ", strstr(result.out, "Groups:") + 7);
      for (char *next = groups; *next != '\0'; next++) {
        if (*next == '\n' || *next == '\t') *next = ' ';
      }
      int wanted = 0, present = 0, all = 0;
      char list[256], *rest = NULL;
      snprintf(list, sizeof list, "%s", strstr(cases[i].expected, "groups=") + 7);
      for (char *part = strtok_r(list, ",", &rest); part != NULL; part = strtok_r(NULL, ",", &rest), wanted++) {
        char padded[32];
        snprintf(padded, sizeof padded, " %s ", part);
        present += strstr(groups, padded) != NULL;
      }
      char *words = NULL;
      for (char *part = strtok_r(groups, " ", &words); part != NULL; part = strtok_r(NULL, " ", &words)) all++;
      CHECK(present == wanted && all == wanted, "\"%s\": groups are%s", cases[i].spec,
            strstr(result.out, "Groups:") + 7);
    }
    forget(&result);
  }
}

static void many_groups(void) {
  begin("more than 32 groups are all set");
  struct result result =
      run_shell(entry, &(struct run){.user = "many"}, "grep Groups: /proc/self/status | wc -w; id -G | wc -w");
  CHECK_TEXT(result.out, "42\n41\n");
  forget(&result);
}

static const char *field(const char *text, const char *label) {
  const char *value = line_of(text, label);
  return value == NULL ? "absent" : value;
}

static void drop_is_final(void) {
  begin("a dropped user has no capability in any set, cannot gain any, and reads so in /proc/self/status");
  struct result result = run_program(entry, &(struct run){.user = "user"}, "/bin/cat", "/proc/self/status", NULL);
  static const char *const sets[] = {"CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapBnd:\t", "CapAmb:\t"};
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) CHECK_TEXT(field(result.out, sets[i]), "0000000000000000");
  CHECK_TEXT(field(result.out, "NoNewPrivs:\t"), "1");
  CHECK_TEXT(field(result.out, "Uid:\t"), "1000\t1000\t1000\t1000");
  CHECK_TEXT(field(result.out, "Gid:\t"), "1000\t1000\t1000\t1000");
  forget(&result);
  result = run_shell(entry, NULL, "cat /bin/payload > /bin/suid; chmod 4755 /bin/suid; stat -c '%a %u' /bin/suid");
  CHECK_TEXT(result.out, "4755 0\n");
  forget(&result);
  result = run_program(entry, &(struct run){.user = "user"}, "/bin/suid", "payload", "ids", NULL);
  CHECK_TEXT(result.out, "1000 1000 1000\n");
  forget(&result);
  // The same file does regain root where no_new_privs does not hold it: the check above can fail.
  result = run_program(entry, NULL, "/bin/suid", "payload", "ids-as", "1000", NULL);
  CHECK_TEXT(result.out, "1000 0 0\n");
  forget(&result);
  result = run_shell(entry, &(struct run){.user = "user"}, "echo x > /etc/passwd");
  CHECK(result.status.value != 0, "a dropped user wrote /etc/passwd");
  forget(&result);
}

static void root_is_cut(void) {
  begin("root of a tree keeps what package managers need and nothing that reaches the host");
  struct result result = run_program(entry, NULL, "/bin/cat", "/proc/self/status", NULL);
  // CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP SYS_CHROOT MKNOD SETFCAP
  CHECK_TEXT(field(result.out, "CapBnd:\t"), "00000000880401fb");
  CHECK_TEXT(field(result.out, "CapPrm:\t"), "00000000880401fb");
  CHECK_TEXT(field(result.out, "CapEff:\t"), "00000000880401fb");
  CHECK_TEXT(field(result.out, "CapInh:\t"), "0000000000000000");
  CHECK_TEXT(field(result.out, "CapAmb:\t"), "0000000000000000");
  CHECK_TEXT(field(result.out, "NoNewPrivs:\t"), "0");
  forget(&result);
  result =
      run_shell(entry, NULL,
                "chown 1000:1000 /etc/hostname && chown 0:0 /etc/hostname && touch /home/user/x && rm /home/user/x && "
                "mknod /node b 8 0 && chmod 666 /node && echo made; cat /node; echo 1 > /proc/sys/kernel/panic; mount "
                "-t tmpfs x /tmp; "
                "umount /proc; hostname other; rm /node");
  CHECK(strncmp(result.out, "made\n", 5) == 0 && result.out_length == 5, "got %s", result.out);
  forget(&result);
}

static void files_of_users(void) {
  begin("a passwd file that is no regular file, or too large, is refused at once, whatever it is (CVE-2024-9676)");
  static const struct {
    const char *make, *undo;
    uint8_t code;
  } cases[] = {
      {"mv /etc/passwd /etc/p; mknod /etc/passwd p", "rm /etc/passwd; mv /etc/p /etc/passwd", FAILURE_REFUSED},
      {"mv /etc/passwd /etc/p; mkdir /etc/passwd", "rm -r /etc/passwd; mv /etc/p /etc/passwd", FAILURE_REFUSED},
      {"mv /etc/passwd /etc/p; ln -s /dev/zero /etc/passwd", "rm /etc/passwd; mv /etc/p /etc/passwd", FAILURE_REFUSED},
      {"mv /etc/passwd /etc/p; dd of=/etc/passwd bs=1 seek=10G count=0", "rm /etc/passwd; mv /etc/p /etc/passwd",
       FAILURE_REFUSED},
      {"mv /etc/passwd /etc/p; ln -s passwd /etc/passwd", "rm /etc/passwd; mv /etc/p /etc/passwd", FAILURE_SYSTEM},
      {"mv /etc/passwd /etc/p", "mv /etc/p /etc/passwd", FAILURE_NO_SUCH_USER}};
  static const char *const path[] = {"PATH=/bin:/more", NULL};
  struct result result = run_shell(entry, NULL, "mkdir /more; ln -s /bin/busybox /more/mv");
  forget(&result);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    result = run_shell(entry, &(struct run){.environment = path}, cases[i].make);
    forget(&result);
    result = run_shell(entry, &(struct run){.user = "user"}, "id");
    CHECK(!result.is_started && result.err.code == cases[i].code, "%s: code %u, %s", cases[i].make, result.err.code,
          result.err.message);
    forget(&result);
    result = run_shell(entry, &(struct run){.environment = path}, cases[i].undo);
    CHECK(result.is_started && result.status.value == 0, "root by number was kept out: %s %s", result.err.message,
          result.err_text);
    forget(&result);
  }
  result = run_shell(entry, &(struct run){.user = "user"}, "id -u");
  CHECK_TEXT(result.out, "1000\n");
  forget(&result);
}

void test_users(void) {
  tree = make_tree("users");
  entry = open_entry(tree, ENTRY_UNSHARE);
  specs();
  many_groups();
  drop_is_final();
  root_is_cut();
  files_of_users();
  entry_close(entry);
}
