// Says why the kernel took a file for no program.
#include "format.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cleanup.h"
#include "print.h"
#include "words.h"

#ifdef __aarch64__
#define EM_HERE EM_AARCH64
#else
#define EM_HERE EM_X86_64
#endif

#define HEAD_MAX 256

static size_t read_head(const char *path, char head[HEAD_MAX + 1]) {
  auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read(fd, head, HEAD_MAX);
  head[got < 0 ? 0 : got] = '\0';
  return got < 0 ? 0 : (size_t)got;
}

static bool is_elf(const char *head, size_t length) {
  return length >= 20 && memcmp(head, ELFMAG, SELFMAG) == 0;
}

// As `uname -m` would say it there.
static const char *architecture_of(const char *head, unsigned *machine) {
  static const struct {
    unsigned machine;
    const char *name;
  } machines[] = {{EM_386, "i386"},       {EM_ARM, "arm"},   {EM_X86_64, "x86_64"}, {EM_AARCH64, "aarch64"},
                  {243, "riscv64"},       {EM_PPC, "ppc"},   {EM_PPC64, "ppc64le"}, {EM_S390, "s390x"},
                  {258, "loongarch64"}, {EM_MIPS, "mips"}};
  unsigned char low = (unsigned char)head[18], high = (unsigned char)head[19];
  *machine = head[EI_DATA] == ELFDATA2MSB ? low * 256u + high : high * 256u + low;
  for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
    if (machines[i].machine == *machine) return machines[i].name;
  }
  return "another architecture";
}

int fail_format(const char *path, struct err *err) {
  char head[HEAD_MAX + 1], script[HEAD_MAX + 1], *words[1], of[HEAD_MAX] = "";
  const char *file = path;
  size_t length = read_head(file, head);
  if (length > 2 && head[0] == '#' && head[1] == '!') {
    memcpy(script, head + 2, sizeof script - 2);
    script[strcspn(script, "\n")] = '\0';
    if (split_words(script, words, 1) == 1) {
      print_text(of, sizeof of, ", the interpreter of %.100s,", path);
      file = words[0];
      length = read_head(file, head);
    }
  }
  if (!is_elf(head, length))
    return err_fail_errno(err, FAILURE_SYSTEM, ENOEXEC, "exec", path,
                          "%.100s%s is neither a program nor a script with a #! line", file, of);
  unsigned machine;
  const char *name = architecture_of(head, &machine);
  if (machine == EM_HERE)
    return err_fail_errno(err, FAILURE_SYSTEM, ENOEXEC, "exec", path,
                          "%.100s%s is damaged, or asks for what this kernel does not have", file, of);
  struct utsname here = {0};
  uname(&here);
  return err_fail_errno(err, FAILURE_SYSTEM, ENOEXEC, "exec", path,
                        "%.80s%s is a program for %s, this host is %.20s; qemu-user-static and binfmt-support on the "
                        "host would run it",
                        file, of, name, here.machine);
}
