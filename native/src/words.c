// Cuts lines into words.
#include "words.h"

#include <string.h>

size_t split_words(char *line, char *words[], size_t max) {
  size_t count = 0;
  char *rest = line, *word;
  while (count < max && (word = strsep(&rest, " \t\n")) != NULL) {
    if (word[0] != '\0') words[count++] = word;
  }
  return count;
}
