// Matches names against shell patterns.
#ifndef CRUN_GLOB_H
#define CRUN_GLOB_H

#include <stdbool.h>

// Whether a name matches a pattern of * ? [ ] (with ranges, and ! or ^ for all others), byte by byte. A leading dot is
// matched by a dot alone.
bool glob_matches(const char *pattern, const char *name);
bool glob_is_pattern(const char *pattern);

#endif
