// Fuzzes every change of files in a tree full of ways out: the canaries beside it stay as they are.
#include <string.h>

#include "../test/twin.h"
#include "fuzz.h"

#define CHANGES_MAX 8

// EXEC starts processes, and the kinds of btrfs need one: those have tests of their own.
static const uint8_t kinds[] = {CHANGE_WRITE_FILE,  CHANGE_MAKE_DIRECTORY, CHANGE_MAKE_LINK,      CHANGE_HARD_LINK,
                                CHANGE_REMOVE,      CHANGE_SET_ATTRIBUTES, CHANGE_COPY_FILE,      CHANGE_RENAME,
                                CHANGE_LOCK,        CHANGE_UNLOCK,         CHANGE_WRITE_KERNEL,   CHANGE_UNMOUNT,
                                CHANGE_SUBVOLUME,   CHANGE_SET_SUBVOLUME,  CHANGE_MOUNT_OVERLAY};

static uint16_t feed_mode(struct feed *feed) {
  uint16_t mode = feed_u16(feed);
  return mode & 0x8000 ? MODE_KEEP : mode & 07777;
}

static uint32_t feed_id(struct feed *feed) {
  static const uint32_t ids[] = {ID_KEEP, 0, 1000, 65534, 0x7fffffff, 0xfffffffe};
  return ids[feed_below(feed, sizeof ids / sizeof *ids)];
}

static struct time_spec feed_time(struct feed *feed) {
  struct time_spec spec = {.kind = feed_below(feed, 3)};
  if (spec.kind != 2) return spec;
  spec.time.seconds = (int64_t)((uint64_t)feed_u32(feed) << feed_below(feed, 33));
  spec.time.nanoseconds = feed_u32(feed) % 1000000000u;
  return spec;
}

static struct expect feed_expect(struct feed *feed) {
  static uint8_t sha256[32];
  // Mostly none, since most that is expected is not so.
  struct expect expect = {.flags = feed_u8(feed)};
  expect.flags = expect.flags & 0xc0 ? 0 : expect.flags & 63;
  if (expect.flags & EXPECT_TYPE) expect.type = feed_below(feed, TYPE_SOCKET + 1);
  if (expect.flags & EXPECT_SHA256) expect.sha256 = sha256;
  if (expect.flags & EXPECT_OWNER) expect.uid = feed_id(feed), expect.gid = feed_id(feed);
  if (expect.flags & EXPECT_MODE) expect.mode = feed_mode(feed);
  if (expect.flags & EXPECT_TARGET) expect.target = feed_bytes(feed, feed_below(feed, 20));
  if (expect.flags & EXPECT_REAL) expect.real = feed_path(feed, false);
  return expect;
}

// What a link of the tree says: any path, and text that is none.
static const char *feed_target(struct feed *feed) {
  static const char *const targets[] = {"", "..", "../canary/file", "/../canary", SCRATCH "/canary", "/proc/self/root",
                                        ".", "x/", "//"};
  uint8_t choice = feed_u8(feed);
  return choice < 128 ? feed_path(feed, false) : targets[choice % (sizeof targets / sizeof *targets)];
}

static struct change feed_change(struct feed *feed, bool *may_change_shared) {
  struct change change = {.kind = kinds[feed_below(feed, sizeof kinds)], .at_host = (feed_u8(feed) & 7) == 7};
  change.path = feed_path(feed, false);
  change.expect = feed_expect(feed);
  change.flags = feed_below(feed, 8);
  change.mode = feed_mode(feed);
  change.uid = feed_id(feed);
  change.gid = feed_id(feed);
  change.mtime = feed_time(feed);
  change.other = change.kind == CHANGE_MAKE_LINK ? feed_target(feed) : feed_path(feed, false);
  if (change.kind == CHANGE_WRITE_FILE) change.content.bytes = feed_bytes(feed, feed_u8(feed));
  if (change.kind == CHANGE_WRITE_KERNEL) {
    change.value = feed_bytes(feed, feed_below(feed, 16));
    change.has_current = feed_below(feed, 2) != 0;
    if (change.has_current) change.current = feed_bytes(feed, feed_below(feed, 16));
  }
  if (change.kind == CHANGE_SET_ATTRIBUTES) {
    change.atime = feed_time(feed);
    change.flags_set = feed_u32(feed);
    change.flags_clear = feed_u32(feed);
    // Whoever allows it changes the other names too.
    if (change.flags & ATTRIBUTES_ALLOW_HARD_LINKS) *may_change_shared = true;
  }
  if (change.kind == CHANGE_MOUNT_OVERLAY) {
    static const char *const layers[] = {SCRATCH "/host", SCRATCH "/tree/a", SCRATCH "/tree/etc", SCRATCH "/host/a", "/none", ""};
    change.other = layers[feed_below(feed, 6)];
    change.upper = layers[feed_below(feed, 6)];
    change.work = layers[feed_below(feed, 6)];
  }
  return change;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  fuzz_isolate();
  return 0;
}

static void apply_some(struct open_fixture *fixture, uint32_t batch, struct change *changes, size_t count) {
  auto_buffer struct buffer payload = {0};
  put_apply(&payload, &(struct apply){.tree = 1, .batch = batch, .changes = changes, .count = count});
  struct cursor cursor = {.at = payload.data, .left = payload.length};
  // A str has its place in the frame, whose head is before the payload.
  apply_request(&fixture->tree, batch, &cursor);
  port_flush(&fixture->port);
  replies_check(batch, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct feed feed = {data, size};
  struct change changes[CHANGES_MAX];
  struct open_fixture fixture;
  bool may_change_shared = false;
  size_t count = 0;
  uint8_t shape = feed_u8(&feed);
  scratch_make(shape & 15);
  open_fixture(&fixture, (shape & 16) == 0);
  while (count < CHANGES_MAX && (feed.left > 0 || count == 0)) changes[count++] = feed_change(&feed, &may_change_shared);
  if (shape & 32) {
    apply_some(&fixture, 1, changes, count);
  } else {
    // One after another, so that what fails hides none that follow.
    for (size_t i = 0; i < count; i++) apply_some(&fixture, (uint32_t)i + 1, &changes[i], 1);
  }
  close_fixture(&fixture);
  scratch_check(may_change_shared);
  return 0;
}
