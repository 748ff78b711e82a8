// Opens and closes a tree, and makes its entries when they are first needed.
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "jobs.h"
#include "print.h"
#include "running.h"
#include "user_namespace.h"

// What stands in for DIR/NAME is DIR/.crun/making/NAME.MARK: programs in it are to see NAME.
static void name_tree(struct tree *tree) {
  static const char making[] = "/.crun/making/";
  const size_t length = sizeof making - 1;
  const char *slash = strrchr(tree->path, '/');
  size_t before = slash == NULL ? 0 : (size_t)(slash + 1 - tree->path);
  print_text(tree->name, sizeof tree->name, "%s", slash == NULL || slash[1] == '\0' ? "host" : slash + 1);
  char *dot = strrchr(tree->name, '.');
  bool stands_in = before >= length && memcmp(tree->path + before - length, making, length) == 0;
  if (stands_in && dot != NULL && dot != tree->name) *dot = '\0';
}

static struct entry_config entry_config_of(const struct tree *tree, bool is_on_host, uint8_t kind) {
  return (struct entry_config){
      .root_fd = is_on_host ? tree->host.fd : tree->disk,
      .root_path = is_on_host ? "/" : tree->path,
      .tree_name = is_on_host ? "host" : tree->name,
      .kind = kind,
      .is_host_root = is_on_host,
      .has_shifted_ids = !is_on_host && tree->has_shifted_ids,
  };
}

int tree_open(struct tree *tree, const struct open_tree *request, bool has_openat2, struct node_value *node,
              struct err *err) {
  auto_place struct place place = PLACE_NONE;
  tree->disk = -1;
  tree->entry_kind = request->entry;
  tree->is_host_root = request->is_host_root;
  if (root_open(&tree->host, "/", has_openat2, err) != 0) return -1;
  if (place_find(&tree->host, request->path, PLACE_FOLLOW, &place, err) != 0) return -1;
  if (place.fd < 0) {
    return err_fail_errno(err, FAILURE_SYSTEM, place.absence, "open", request->path,
                          "There is no such directory on the host.");
  }
  if (!S_ISDIR(place.stat.st_mode)) return err_system(err, ENOTDIR, "open", request->path);
  strcpy(tree->path, place.real);
  name_tree(tree);
  node->stat = place.stat;
  tree->disk = steal_fd(&place.fd);
  // Files of a running machine are those that its processes see: its /run and /tmp, what it has mounted.
  struct entry_config config = entry_config_of(tree, tree->is_host_root, tree->entry_kind);
  auto_close int view = -1;
  struct ids ids;
  if (entry_machine_root(&config, &view, &ids, err) != 0) return -1;
  if (view < 0 && config.kind == ENTRY_MACHINE && !config.is_host_root)
    return err_fail(err, FAILURE_ENTRY, "find the machine", tree->path, "no machine runs on this tree");
  if (view < 0 && !config.is_host_root) ids_of_tree(&ids, &node->stat);
  // An id without a name in a user namespace is shown so.
  tree->is_foreign = view < 0 && !tree->is_host_root && node->stat.st_uid == ID_NOBODY && !has_all_ids();
  tree->has_shifted_ids = view < 0 && ids.is_shifted;
  if (view < 0 && (view = fcntl(tree->disk, F_DUPFD_CLOEXEC, 0)) < 0)
    return err_system(err, errno, "open", request->path);
  tree->root = (struct root){.fd = steal_fd(&view), .proc_fd = open_proc_fd(), .has_openat2 = has_openat2, .ids = ids};
  return 0;
}

const struct root *tree_root(const struct tree *tree, bool at_host) {
  return at_host ? &tree->host : &tree->root;
}

int tree_refuse_foreign(const struct tree *tree, bool at_host, struct err *err) {
  if (!tree->is_foreign || at_host) return 0;
  return err_fail(err, FAILURE_REFUSED, "change", tree->path,
                  "the tree belongs to a user whose id this login has not: nothing is changed or run in it without root");
}

int tree_entry(struct tree *tree, bool at_host, uint8_t kind, struct entry **out, struct err *err) {
  bool is_on_host = at_host || tree->is_host_root;
  if (tree_refuse_foreign(tree, at_host, err) != 0) return -1;
  uint8_t wanted = kind == ENTRY_TREES ? tree->entry_kind : kind;
  struct entry **slot = is_on_host ? &tree->host_entry : &tree->entries[wanted];
  struct entry_config config = entry_config_of(tree, is_on_host, wanted);
  if (*slot == NULL && entry_open(slot, &config, err) != 0) return -1;
  *out = *slot;
  return 0;
}

void tree_close(struct tree *tree) {
  unlock_all(tree);
  jobs_close(tree);
  // Processes may need their time to die.
  beat_enter(tree->beat, BEAT_WAITS);
  for (size_t i = 0; i < sizeof tree->entries / sizeof *tree->entries; i++) {
    entry_close(tree->entries[i]);
    tree->entries[i] = NULL;
  }
  entry_close(tree->host_entry);
  tree->host_entry = NULL;
  beat_enter(tree->beat, BEAT_WORKS);
  buffer_free(&tree->scratch);
  // Last: until here processes of the tree may have been at work.
  release_hold(tree);
  if (tree->disk >= 0) close(tree->disk);
  tree->disk = -1;
  root_close(&tree->root);
  root_close(&tree->host);
}

int tree_step(struct tree *tree, int64_t begin, const char *path, struct err *err) {
  uint32_t most = tree->walk_ms == 0 ? WALK_MS_MAX : tree->walk_ms;
  beat_step(tree->beat);
  if (running_now_ms() - begin <= most) return 0;
  return err_fail(err, FAILURE_DEADLINE, "readdir", path, "What is beneath it had no end within %u s.", most / 1000);
}
