// Fuzzes every probe of files in a tree full of ways out: nothing is changed, nothing leaks, and the answer is whole.
#include "../test/twin.h"
#include "fuzz.h"

#define PROBES_MAX 6

// EXEC and MACHINE start processes: they have tests of their own. CONNECT has a network namespace without any network.
static const uint8_t kinds[] = {PROBE_STAT, PROBE_READ, PROBE_HASH, PROBE_LIST, PROBE_GLOB, PROBE_CONNECT};

static uint64_t feed_limit(struct feed *feed) {
  static const uint64_t limits[] = {0, 1, 5, 300000, 1u << 20, UINT32_MAX};
  return limits[feed_below(feed, 6)];
}

static struct bytes_list feed_needles(struct feed *feed, struct bytes *needles, size_t max) {
  struct bytes_list list = {.items = needles};
  size_t count = feed_u8(feed) % 8u;
  for (; count > 0 && list.count < max; count--) {
    uint8_t length = feed_u8(feed);
    needles[list.count++] = length == 255 ? (struct bytes){(const uint8_t *)"\nPackage: a\n", 12} : feed_bytes(feed, length % 8u);
  }
  return list;
}

static struct probe feed_probe(struct feed *feed, struct bytes *needles, size_t max) {
  static const char *const hosts[] = {"127.0.0.1", "::1", "", "localhost", "10.0.0.1.5", "fe80::1%lo"};
  static const uint8_t nothing[32] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
                                      0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
                                      0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
  struct probe probe = {.kind = kinds[feed_below(feed, sizeof kinds)], .at_host = (feed_u8(feed) & 7) == 7};
  probe.path = feed_path(feed, probe.kind == PROBE_GLOB);
  probe.flags = feed_below(feed, 8);
  probe.algorithms = feed_u8(feed);
  probe.limit = feed_limit(feed);
  if (probe.kind == PROBE_READ) {
    if (feed_below(feed, 4) == 3) probe.unless = nothing;
    probe.needles = feed_needles(feed, needles, max);
  }
  if (probe.kind == PROBE_LIST) {
    probe.depth = feed_below(feed, 5);
    probe.has_since = feed_below(feed, 2) != 0;
    if (probe.has_since) probe.since.tv_sec = (time_t)feed_u32(feed) << 8, probe.since.tv_nsec = feed_u32(feed);
  }
  if (probe.kind == PROBE_CONNECT) {
    probe.host = hosts[feed_below(feed, 6)];
    probe.port = feed_u16(feed);
    probe.timeout_ms = 1;
    probe.limit &= 4095;
  }
  return probe;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  fuzz_isolate();
  return 0;
}

// Made once for each shape: probes change nothing, which the canaries and the names tell.
static void make_once(uint8_t shape) {
  static int made = -1;
  if (made == shape) return;
  scratch_make(shape);
  made = shape;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct feed feed = {data, size};
  struct probe probes[PROBES_MAX];
  struct bytes needles[PROBES_MAX][4];
  struct observe request = {.tree = 1, .probes = probes};
  struct open_fixture fixture;
  auto_buffer struct buffer payload = {0};
  uint8_t shape = feed_u8(&feed);
  make_once(shape & 15);
  open_fixture(&fixture, (shape & 16) == 0);
  while (request.count < PROBES_MAX && (feed.left > 0 || request.count == 0)) {
    probes[request.count] = feed_probe(&feed, needles[request.count], 4);
    request.count++;
  }
  put_observe(&payload, &request);
  // The second time something is in the port's buffer already.
  for (unsigned times = 0; times < 2; times++) {
    auto_buffer struct buffer copy = {0};
    put_raw(&copy, payload.data, payload.length);
    struct cursor cursor = {.at = copy.data, .left = copy.length};
    observe_request(&fixture.tree, 7, &cursor);

    port_flush(&fixture.port);
    size_t answered = replies_check(7, request.count);
    MUST(answered == request.count, "%zu of %zu probes were answered", answered, request.count);
  }
  close_fixture(&fixture);
  scratch_check(false);
  return 0;
}
