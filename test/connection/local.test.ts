// The helper on this machine, and sessions kept by host.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { findHelper } from "../../src/connection/helper-binary.js";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { ConnectionPool, connect } from "../../src/target/connect.js";
import type { Connect, HostAddress } from "../../src/target/session.js";
import { requireOrSkip } from "../lab/needs.js";
import { look, nobody, refusal, withSession } from "./hosts.js";

const here: HostAddress = {
  name: "local",
  kind: "local",
  address: "local",
  connectTimeoutMs: 10_000,
  connectRetries: 0,
  keepaliveIntervalMs: 0,
  acceptsNewHostKeys: false,
};

/** Children of this process that are helpers. */
function helpers(): number[] {
  const children = readdirSync("/proc/self/task").flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, "utf8").trim().split(" "),
  );
  return children.filter((pid) => pid !== "" && /crun-helper/.test(nameOf(pid))).map(Number);
}

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return ""; // gone already
  }
}

describe("connection: this machine", function () {
  this.timeout(30_000);
  before(function () {
    requireOrSkip(this, { paths: [findHelper("x86_64") ?? findHelper("aarch64") ?? "native/build (make -C native)"] });
  });

  it("serves, and is gone when the session has closed", async () => {
    await withSession(here, async (session) => {
      // Without root the helper is root of a user namespace of its own.
      assert.equal(session.info.isRootless, process.getuid?.() !== 0);
      assert.equal(session.info.uid, 0);
      await look(session);
      assert.equal(helpers().length, 1);
    });
    assert.deepEqual(helpers(), []);
  });

  it("killed under way: what waits is rejected, and closing does not hang", async () => {
    const session = await connect(here, nobody);
    const tree = session.openTree("/", { entry: "auto", isHostRoot: true });
    await tree.observe([{ kind: "stat", path: "/" }]);
    const waiting = tree.observe([{ kind: "exec", exec: { argv: ["/bin/sleep", "30"] } }]);
    setTimeout(() => helpers().forEach((pid) => process.kill(pid, "SIGKILL")), 50);
    await assert.rejects(waiting, /local \(this machine\): the connection was lost/);
    await session.close();
  });

  it("stopped under way: what waits is rejected, though the connection lives; a program that takes its time is waited for", async () => {
    const session = await connect({ ...here, keepaliveIntervalMs: 25 }, nobody);
    const tree = session.openTree("/", { entry: "auto", isHostRoot: true });
    await tree.observe([{ kind: "exec", exec: { argv: ["/bin/sleep", "1"] } }]);
    helpers().forEach((pid) => process.kill(pid, "SIGSTOP"));
    await assert.rejects(
      tree.observe([{ kind: "stat", path: "/" }]),
      /local \(this machine\): the helper has not answered for/,
    );
    helpers().forEach((pid) => process.kill(pid, "SIGKILL"));
    await session.close();
  });

  it("a way to become root that is not there is told", async function () {
    const become = { isWanted: true, method: "doas", user: "daemon" } as const;
    assert.match(await refusal({ ...here, become }), /starting the helper failed: spawn doas ENOENT|doas/);
  });

  describe("pool", () => {
    it("has one session for a host, however many ask at once, and closes it", async () => {
      const pool = new ConnectionPool(nobody);
      const [first, second] = await Promise.all([pool.get(here), pool.get(here)]);
      assert.equal(first, second);
      assert.equal(helpers().length, 1);
      await pool.close();
      assert.deepEqual(helpers(), []);
    });

    it("tells a failure to all who waited, and tries anew for the next", async () => {
      let attempts = 0;
      const failing: Connect = async (address) => {
        attempts++;
        throw new CrunError({ severity: "error", summary: `${address.name}: attempt ${attempts}` }, 4);
      };
      const pool = new ConnectionPool(nobody, failing);
      const both = await Promise.allSettled([pool.get(here), pool.get(here)]);
      assert.deepEqual(
        both.map((one) => one.status === "rejected" && String(one.reason.message)),
        ["error: local: attempt 1", "error: local: attempt 1"],
      );
      await assert.rejects(pool.get(here), /attempt 2/);
      await pool.close();
    });

    it("puts questions of several hosts one after the other", async () => {
      let open = 0;
      let most = 0;
      const prompt = async (): Promise<string> => {
        most = Math.max(most, ++open);
        await new Promise((resolve) => setTimeout(resolve, 5));
        open--;
        return "answer";
      };
      const asking: Connect = async (_address, ask) => {
        await ask("password: ", { isSecret: true });
        throw new CrunError({ severity: "error", summary: "asked" }, 4);
      };
      const pool = new ConnectionPool(prompt, asking);
      const hosts = ["a", "b", "c"].map((name) => pool.get({ ...here, name }));
      await Promise.allSettled(hosts);
      assert.equal(most, 1);
    });
  });
});
