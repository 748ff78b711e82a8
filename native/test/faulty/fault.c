// Reads what fault is asked for.
#include "fault.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"

static bool parse_what(const char *what, struct fault *out) {
  out->kind = FAULT_FAIL;
  if (strcmp(what, "none") == 0) out->kind = FAULT_NONE;
  else if (strcmp(what, "kill") == 0) out->kind = FAULT_KILL;
  else if (strcmp(what, "short") == 0) out->kind = FAULT_SHORT;
  if (out->kind != FAULT_FAIL) return true;
  out->stays = strncmp(what, "stay.", 5) == 0;
  if (!out->stays && strncmp(what, "fail.", 5) != 0) return false;
  what += 5;
  if (isdigit((unsigned char)*what)) {
    out->choice = (unsigned)strtoul(what, NULL, 10);
    return out->choice < CALL_ERRORS;
  }
  out->error = call_error(what);
  return out->error != 0;
}

bool fault_parse(const char *text, struct fault *out) {
  const char *number = strchr(text, ':'), *what = number == NULL ? NULL : strchr(number + 1, ':');
  *out = (struct fault){.kind = FAULT_NONE};
  if (what == NULL || (size_t)(number - text) >= sizeof out->role) return false;
  memcpy(out->role, text, (size_t)(number - text));
  char *end;
  out->number = strtoull(number + 1, &end, 10);
  return end == what && parse_what(what + 1, out);
}
