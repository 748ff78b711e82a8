// Holds a run to its word where SSH servers stall, cut, lie and flood at every stage: unreachable in time, in bounded memory, and no harm to other hosts.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crunPath } from "../integration/crun-tasks.js";
import { addressOf, refusal } from "../connection/hosts.js";
import { readEvents, Workplace } from "../integration/cli.js";
import { hostileServers } from "../lab/hostile-server.js";
import type { HostileWish } from "../lab/hostile-server.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import type { SshHost } from "../lab/sshd.js";

/** What a server does, and what is said of it. */
type Case = readonly [name: string, wish: HostileWish, says: RegExp];

const raw = (way: Extract<HostileWish, { kind: "raw" }>["way"], says: RegExp): Case => [
  `raw-${way}`,
  { kind: "raw", way },
  says,
];
const ssh = (way: Extract<HostileWish, { kind: "ssh" }>["way"], says: RegExp): Case => [
  `ssh-${way}`,
  { kind: "ssh", way },
  says,
];

const connecting = /connecting failed: /;
const noServer = /connecting failed: this does not look like an SSH server/;
const noAnswer = /connecting failed: no answer in time while the key exchange was under way/;
const login = /logging in failed: no answer in time while logging in/;
// On a machine that is busy the floods are over before they have shown what they are.
const asks = /starting the helper failed: .*(?:asks for the helper again and again|no answer in time)/;

const cases: readonly Case[] = [
  raw("silence", /connecting failed: the server says nothing/),
  raw("halfIdent", noAnswer),
  raw("identAlone", noAnswer),
  raw("halfKexInit", connecting),
  raw("closeAtOnce", /connecting failed: the server closed the connection/),
  raw("closeAfterIdent", /connecting failed: the server closed the connection/),
  raw("resetAtOnce", connecting),
  raw("garbage", connecting),
  raw("garbageAfterIdent", noServer),
  raw("hugePacket", noServer),
  raw("webServer", connecting),
  raw("endlessLines", connecting),
  raw("endlessLine", connecting),
  raw("trickle", noAnswer),
  ssh("bannerFlood", /logging in failed: (?:the server sends without end|no answer in time)/),
  ssh("silentAtLogin", login),
  ssh("oneMoreFactor", /logging in failed: no way to log in is left/),
  ssh("endlessQuestions", /logging in failed: /),
  ssh("noSession", /starting the helper failed: no answer in time/),
  ssh("sessionRefused", /starting the helper failed: the server refused to run a command/),
  ssh("silentAtCommand", /starting the helper failed: no answer in time/),
  ssh("packetsOfNothing", /starting the helper failed: the server takes no packets/),
  ssh("asksForEver", asks),
  ssh("skipsForEver", asks),
  ssh("printsForEver", /starting the helper failed: (?:the login prints without end|no answer in time)/),
  ssh("complainsForEver", /starting the helper failed: (?:the login prints without end|no answer in time)/),
  ssh("endsAtOnce", /starting the helper failed: it ended before it greeted/),
  ssh("keepaliveFlood", /starting the helper failed: /),
  ssh(
    "beyondTheWindow",
    /broke the protocol|sent no greeting|no greeting|ended before it greeted|more than it was given leave to/,
  ),
  ssh("garbageGreeting", /sent no greeting|broke the protocol/),
  ssh("closesInGreeting", /ended before it greeted/),
  ssh("silentInGreeting", /no greeting from the helper within/),
];

/** So much a run of these may take more than one with good hosts alone. */
const MOST_MEMORY = 400 * 1024;
const PIECES = 16;

describe("threats: hostile SSH servers", function () {
  this.timeout(200_000);
  const scope = testScope();
  let live: SshHost;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["sshd"], paths: [crunPath] });
    live = await sshHost(scope, { hostname: "lab-live", config: ["MaxStartups 1000"] });
  });

  /** `all`: each way to fail after each piece; else one for each piece. */
  function relays(all: boolean): Case[] {
    const ways = ["stall", "close", "garbage", "reset"] as const;
    return Array.from({ length: PIECES }, (_, pieces) => pieces).flatMap((pieces) =>
      ways.flatMap((failure, index): Case[] =>
        all || pieces % ways.length === index
          ? [[`relay-${failure}-${pieces}`, { kind: "relay", port: live.port, pieces, failure }, /./]]
          : [],
      ),
    );
  }

  it("at every stage: each is unreachable, with the stage and what to do; the others do their work", async () => {
    const all = [...cases, ...relays(process.env["CRUN_HOSTILE_ALL"] === "1")];
    // Floods come from a process of their own: what else is tried has to be answered in time.
    const isFlood = (name: string): boolean => /flood|endless|forever|window/i.test(name);
    const ports = new Map<string, number | undefined>();
    for (const group of [all.filter(([name]) => isFlood(name)), all.filter(([name]) => !isFlood(name))]) {
      const found = await hostileServers(
        scope,
        group.map(([, wish]) => wish),
      );
      group.forEach(([name], index) => ports.set(name, found[index]));
    }
    const place = new Workplace(scope, {
      hosts: [
        "[live]",
        ...[1, 2, 3].map((index) => `live${index} crun_host=127.0.0.1 crun_port=${live.port}`),
        "[hostile]",
        ...all.map(([name]) => `${name} crun_host=127.0.0.1 crun_port=${ports.get(name)}`),
        "[all:vars]",
        "crun_user=root",
        "crun_ssh_config=ssh_config",
        "crun_password=known",
      ].join("\n"),
      ssh_config: [
        `IdentityFile ${live.identityFile}`,
        "StrictHostKeyChecking no",
        "UserKnownHostsFile /dev/null",
        "ServerAliveInterval 1",
        "ServerAliveCountMax 2",
      ].join("\n"),
      "site.yml": JSON.stringify([
        { hosts: "all", gather_facts: false, tasks: [{ command: "echo done" }, { command: "echo twice" }] },
      ]),
    });
    const warm = await place.crun(["play", "-i", "hosts", "-l", "live1", "site.yml"]);
    assert.equal(warm.status, 0, warm.all);
    const args = [
      "play",
      "--output",
      "json",
      "-i",
      "hosts",
      "--connect-timeout",
      process.env["CRUN_HOSTILE_TIMEOUT"] ?? "4",
      "site.yml",
    ];
    const { status, stdout, stderr, peak } = await measured(place, args);
    const { results, recap } = readEvents(stdout);
    assert.equal(status, 4, stderr);
    for (const name of ["live1", "live2", "live3"]) {
      const texts = results.filter(({ target }) => target === name).map(({ result }) => result["stdout"]);
      const said = stdout.split("\n").filter((line) => line.includes(`"target":"${name}"`));
      assert.deepEqual(texts, ["done", "twice"], said.join("\n"));
    }
    const told = new Map(
      stdout
        .split("\n")
        .filter((line) => line.startsWith('{"event":"unreachable"'))
        .map((line) => JSON.parse(line) as { target: string; message: string; diagnostics: { remedy?: string }[] })
        .map((event) => [event.target, event]),
    );
    const wrong = all.flatMap(([name, wish, says]) => {
      const event = told.get(name);
      // a relay whose server has said all before it fails does no harm
      if (event === undefined && wish.kind === "relay" && recap[name]?.ok === 2) return [];
      if (event === undefined) return [`${name} is not unreachable: ${JSON.stringify(recap[name])}`];
      const hasRemedy = event.diagnostics.every(({ remedy }) => remedy !== undefined && remedy !== "");
      // On a machine that is busy the time may be over first, whatever else would have been said.
      const isLate = / no answer in time/.test(event.message);
      return (says.test(event.message) || isLate) && hasRemedy ? [] : [`${name}: ${JSON.stringify(event)}`];
    });
    assert.deepEqual(wrong, []);
    assert.ok(peak < MOST_MEMORY, `${peak} KiB of memory`);
    console.log(
      `figure: hostile SSH servers: ${all.length} in one run, ${told.size} unreachable, at most ${Math.round(peak / 1024)} MiB`,
    );
  });

  it("in the middle of the upload: unreachable, after the time that an upload may take", async () => {
    const [port = 0] = await hostileServers(scope, [{ kind: "ssh", way: "silentAtUpload" }]);
    const known = join(scope.tempDir("known"), "known_hosts");
    const more = { port, connectTimeoutMs: 800, acceptsNewHostKeys: true, knownHostsFiles: [known] };
    assert.match(
      await refusal(addressOf(live, more)),
      /starting the helper failed: .*in time|the server says nothing|no answer in time/,
    );
  });

  /** Runs crun and looks how large it becomes, in KiB. */
  async function measured(
    place: Workplace,
    args: readonly string[],
  ): Promise<{ status: number | null; stdout: string; stderr: string; peak: number }> {
    const child = spawn(process.execPath, [crunPath, ...args], {
      cwd: place.directory,
      env: place.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr, peak] = ["", "", 0];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const look = setInterval(() => {
      try {
        peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? peak);
      } catch {
        // it has ended
      }
    }, 20);
    const limit = setTimeout(() => child.kill("SIGKILL"), 120_000);
    const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
    clearInterval(look);
    clearTimeout(limit);
    return { status, stdout, stderr, peak };
  }
});
