// Dates in a task become times in the tree's own zone.

import assert from "node:assert/strict";
import { readTime, zoneOf } from "../../src/module/file-times.js";
import { statOf } from "../../src/module/model-node.js";

describe("times of files", () => {
  it("are read in the zone that the tree's /etc/localtime links to, summer and winter", () => {
    const zone = zoneOf({
      kind: "stat",
      real: "/etc/localtime",
      stat: statOf("link", { target: "/usr/share/zoneinfo/Europe/Berlin" }),
    });
    assert.equal(zone, "Europe/Berlin");
    assert.deepEqual(readTime("202201011200.00", "%Y%m%d%H%M.%S", zone), {
      time: { seconds: Date.UTC(2022, 0, 1, 11) / 1000, nanoseconds: 0 },
    });
    assert.deepEqual(readTime("202207011200.00", "%Y%m%d%H%M.%S", zone), {
      time: { seconds: Date.UTC(2022, 6, 1, 10) / 1000, nanoseconds: 0 },
    });
  });

  it("are UTC where there is no zone, or one that nobody knows", () => {
    assert.equal(zoneOf(undefined), "UTC");
    assert.equal(
      zoneOf({ kind: "stat", real: "", stat: statOf("link", { target: "../usr/share/zoneinfo/Mars/Base" }) }),
      "UTC",
    );
  });

  it("know now and preserve, and formats of one's own", () => {
    assert.deepEqual(readTime("now", "", "UTC"), { time: "now" });
    assert.deepEqual(readTime("preserve", "", "UTC"), { time: undefined });
    assert.deepEqual(readTime("1/2/99 3:04", "%d/%m/%y %H:%M", "UTC"), {
      time: { seconds: Date.UTC(1999, 1, 1, 3, 4) / 1000, nanoseconds: 0 },
    });
    assert.deepEqual(readTime("2024-060", "%Y-%j", "UTC"), {
      time: { seconds: Date.UTC(2024, 1, 29) / 1000, nanoseconds: 0 },
    });
  });

  it("say what does not fit, and which directive is not known", () => {
    assert.match(JSON.stringify(readTime("tomorrow", "%Y", "UTC")), /does not match format/);
    assert.match(JSON.stringify(readTime("1", "%Q", "UTC")), /does not know %Q/);
  });
});
