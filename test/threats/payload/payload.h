// What the attacks of a hostile tree have in common. Each says in lines what came of it; a line that begins with ESCAPED is a hole.
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stdbool.h>

struct attack {
  const char *role;
  int (*run)(int count, char **arguments); // arguments after the role
};

extern const struct attack reach_attacks[], kernel_attacks[], rights_attacks[], terminal_attacks[], life_attacks[],
    machine_attacks[], sight_attacks[];

// `row 17 core_pattern: refused`, or `ESCAPED row 17 core_pattern`.
void tell(int row, const char *what, bool has_escaped);
void tell_text(int row, const char *what, const char *text);

// Writes into an existing file. Returns whether all was written.
bool overwrite(const char *path, const char *text);
// The text of a file, "" where there is none.
const char *text_of(const char *path);
_Noreturn void wait_for_ever(void);

#endif
