// Stands in until the entry is there.
#include "entry.h"

int entry_open(struct entry **out, const struct entry_config *config, struct err *err) {
  (void)out;
  return err_fail(err, FAILURE_ENTRY, "entry", config->root_path, "This build cannot enter trees.");
}
int entry_spawn(struct entry *entry, const struct exec_spec *spec, struct process *out, struct err *err) {
  (void)entry, (void)spec, (void)out;
  return err_fail(err, FAILURE_ENTRY, "entry", "", "This build cannot enter trees.");
}
int entry_signal(struct entry *entry, const struct process *process, int signal, struct err *err) {
  (void)entry, (void)process, (void)signal;
  return err_fail(err, FAILURE_ENTRY, "entry", "", "This build cannot enter trees.");
}
void entry_kill(struct entry *entry, const struct process *process, bool leftovers_only) {
  (void)entry, (void)process, (void)leftovers_only;
}
int entry_resize(struct entry *entry, const struct process *process, uint16_t rows, uint16_t columns, struct err *err) {
  (void)entry, (void)process, (void)rows, (void)columns;
  return err_fail(err, FAILURE_ENTRY, "entry", "", "This build cannot enter trees.");
}
int entry_machine(struct entry *entry, struct machine_info *out, struct err *err) {
  (void)entry, (void)out;
  return err_fail(err, FAILURE_ENTRY, "entry", "", "This build cannot enter trees.");
}
void entry_reap(struct entry *entry, const struct process *process) {
  (void)entry, (void)process;
}
void entry_close(struct entry *entry) {
  (void)entry;
}
