// The helper's first words: who it is and where it runs.
#ifndef CRUN_GREETING_H
#define CRUN_GREETING_H

#include <stdbool.h>

#include "buffer.h"
#include "privilege.h"

void put_greeting(struct buffer *out, bool has_openat2, const struct privilege *privilege);

#endif
