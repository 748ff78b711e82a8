// The end of a process that cannot go on: a broken stream or no memory.
#ifndef CRUN_FATAL_H
#define CRUN_FATAL_H

#define EXIT_BROKEN 70

// One line on stderr, then exit 70. Nothing is unwound: descriptors and children end with the process.
_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
