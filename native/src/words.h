// The words of a line of the kernel's; without scanf, which would bring half of a C library along.
#ifndef CRUN_WORDS_H
#define CRUN_WORDS_H

#include <stddef.h>

// Cuts a line at blanks and its newline, in place. Returns how many words there are, at most `max`.
size_t split_words(char *line, char *words[], size_t max);

#endif
