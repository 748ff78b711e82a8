// The directory of journals: made, or refused, but never waited for.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownDirectory } from "../../src/cli/runs/place.js";

describe("the directory of journals", () => {
  it("is made with those above it, for its owner alone", () => {
    const top = mkdtempSync(join(tmpdir(), "crun-runs-"));
    try {
      ownDirectory(join(top, "a/b"));
      ownDirectory(join(top, "a/b"));
      assert.equal(statSync(join(top, "a/b")).mode & 0o777, 0o700);
    } finally {
      rmSync(top, { recursive: true });
    }
  });

  it("cannot be where the kernel makes none: Node's mkdir would try for ever", () => {
    assert.throws(() => ownDirectory("/proc/crun/runs"), /ENOENT|EACCES|EPERM/);
  });
});
