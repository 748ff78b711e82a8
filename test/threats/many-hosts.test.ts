// Hosts that are dead in different ways do not hold up those that live. CRUN_MANY_HOSTS sets how many there are (half of them dead; 24 by default).

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { crunPath } from "../integration/crun-tasks.js";
import { Workplace } from "../integration/cli.js";
import { blackhole } from "../lab/blackhole.js";
import { hostileServers } from "../lab/hostile-server.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { freePort, sshHost } from "../lab/sshd.js";

const half = Math.ceil(Number(process.env["CRUN_MANY_HOSTS"] ?? 24) / 2);
/** Longer than the live ones need. */
const TIMEOUT_SECONDS = Math.max(5, Math.ceil(half / 3));
/** So few that all places would be taken by dead hosts, were they to keep them. */
const FORKS = Math.ceil(half / 4);

interface Told {
  readonly event: string;
  readonly target: string;
  readonly message?: string;
  /** Milliseconds after the start. */
  readonly at: number;
}

describe("threats: many hosts, half of them dead", function () {
  this.timeout(600_000);
  const scope = testScope();
  let place: Workplace;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["sshd"], paths: [crunPath] });
    const host = await sshHost(scope, { hostname: "lab-many", config: ["MaxStartups 1000"] });
    const [silent = 0, ident = 0, garbage = 0] = await hostileServers(scope, [
      { kind: "raw", way: "silence" },
      { kind: "raw", way: "identAlone" },
      { kind: "raw", way: "garbage" },
    ]);
    const ports = [await blackhole(scope), silent, ident, garbage, await freePort()];
    place = new Workplace(scope);
    const lines = Array.from({ length: half }, (_, index) => {
      // Each live one is a connection of its own: by a key file of its own.
      const key = join(place.directory, `key${index}`);
      copyFileSync(host.identityFile, key);
      chmodSync(key, 0o600);
      const dead = `dead${index} crun_host=127.0.0.1 crun_port=${ports[index % ports.length]} crun_user=u${index}`;
      const live = `live${index} crun_host=127.0.0.1 crun_port=${host.port} crun_user=root crun_identity=${key}`;
      return `${dead}\n${live}\n`;
    });
    place.write(
      "hosts",
      `${lines.join("")}[all:vars]\ncrun_ssh_config=/dev/null\ncrun_known_hosts=${host.knownHostsFile}\n`,
    );
    place.write(
      "site.yml",
      JSON.stringify([
        { hosts: "all", gather_facts: false, tasks: [{ command: "echo one" }, { command: "echo two" }] },
      ]),
    );
  });

  async function play(limit: string): Promise<{ status: number | null; told: Told[] }> {
    const begin = performance.now();
    const args = ["play", "--output", "json", "-i", "hosts", "-l", limit, "-f", String(FORKS)];
    const child = spawn(
      process.execPath,
      [crunPath, ...args, "--connect-timeout", String(TIMEOUT_SECONDS), "site.yml"],
      { cwd: place.directory, env: place.environment, stdio: ["ignore", "pipe", "inherit"] },
    );
    const told: Told[] = [];
    let rest = "";
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) told.push({ ...JSON.parse(line), at: performance.now() - begin });
    });
    const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { status, told };
  }

  const results = (told: readonly Told[]): Told[] => told.filter(({ event }) => event === "result");

  it("the live ones are done before the first of the dead is given up, and each dead one is told in its own words", async () => {
    const uploaded = await play("live0");
    assert.equal(uploaded.status, 0, "the helper is there");
    const alone = await play("live*");
    assert.equal(alone.status, 0);
    assert.equal(results(alone.told).length, 2 * half);
    const both = await play("all");
    assert.equal(both.status, 4);
    assert.equal(results(both.told).length, 2 * half);
    const lost = both.told.filter(({ event }) => event === "unreachable");
    assert.equal(lost.length, half);
    const isLate = ({ message }: Told): boolean => /says nothing|no answer/.test(message ?? "");
    const firstLate = both.told.findIndex(isLate);
    const lastResult = both.told.findLastIndex(({ event }) => event === "result");
    assert.ok(firstLate > lastResult, `given up at event ${firstLate}, last result at ${lastResult}`);
    for (const words of [
      /no answer/,
      /the server says nothing/,
      /key exchange/,
      /does not look like|connecting failed/,
      /connection refused/,
    ])
      assert.ok(
        lost.some(({ message }) => words.test(message ?? "")),
        String(words),
      );
    const [aloneMs = 0, bothMs = 0] = [alone, both].map(({ told }) => results(told).at(-1)?.at);
    const lastLost = lost.at(-1)?.at ?? 0;
    console.log(
      `figure: ${half} live hosts of ${2 * half}: done after ${(bothMs / 1000).toFixed(1)} s, without the dead ones after ` +
        `${(aloneMs / 1000).toFixed(1)} s (ratio ${(bothMs / aloneMs).toFixed(2)}); the last dead one told after ` +
        `${(lastLost / 1000).toFixed(1)} s with a timeout of ${TIMEOUT_SECONDS} s`,
    );
  });
});
