// What a process finds where it is: the helper's own program, run inside of an entry (EXEC_SELF).
#ifndef CRUN_REPORT_H
#define CRUN_REPORT_H

#include <stdbool.h>

// `NAME --report QUESTION…`: asks the kernel each, and answers on stdout, in order. An answer is a line
// `QUESTION NUMBER`, where NUMBER is how many bytes follow after it, or a negative errno. Questions:
//   rPATH            the content of a file, at most 1 MiB
//   lPATH            where a link leads
//   dPATH            a directory's names, a line each: type (as in st_mode, octal), device number (MAJOR:MINOR), name
//   oPATH, wPATH     nothing: whether it can be opened for reading, for writing (it is not written to)
//   sNUMBER,ARG…     the value of the system call of that number with up to six arguments (all decimal; `@`: the address
//                    of zeros)
// Makes no question itself: who asks has to know which are harmless. True if it was meant; `exit_status` is set then.
bool report_main(int count, char **arguments, int *exit_status);

#endif
