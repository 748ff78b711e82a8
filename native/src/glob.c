// Matches names against shell patterns.
#include "glob.h"

#include <stddef.h>
#include <string.h>

bool glob_is_pattern(const char *pattern) {
  return strpbrk(pattern, "*?[") != NULL;
}

// A set such as [a-z]: returns what follows it, or NULL where the bracket is never closed (then it stands for itself).
static const char *match_set(const char *pattern, unsigned char byte, bool *is_match) {
  const char *at = pattern + 1;
  bool is_inverted = *at == '!' || *at == '^', is_in = false;
  if (is_inverted) at++;
  for (bool is_first = true; *at != '\0' && (is_first || *at != ']'); is_first = false) {
    unsigned char low = (unsigned char)*at++, high = low;
    if (at[0] == '-' && at[1] != '\0' && at[1] != ']') {
      high = (unsigned char)at[1];
      at += 2;
    }
    if (low <= byte && byte <= high) is_in = true;
  }
  if (*at != ']') return NULL;
  *is_match = is_in != is_inverted;
  return at + 1;
}

bool glob_matches(const char *pattern, const char *name) {
  const char *star = NULL, *star_name = NULL;
  if (name[0] == '.' && pattern[0] != '.') return false;
  while (*name != '\0') {
    bool is_match = false;
    const char *next = NULL;
    if (*pattern == '*') {
      star = ++pattern;
      star_name = name;
      continue;
    }
    if (*pattern == '[') next = match_set(pattern, (unsigned char)*name, &is_match);
    if (next == NULL) {
      is_match = *pattern == *name || *pattern == '?';
      next = pattern + 1;
    }
    if (is_match && *pattern != '\0') {
      pattern = next;
      name++;
    } else if (star != NULL) {
      // The star takes one byte more; an earlier star need never take more, so this is quadratic at worst.
      pattern = star;
      name = ++star_name;
    } else {
      return false;
    }
  }
  while (*pattern == '*') pattern++;
  return *pattern == '\0';
}
