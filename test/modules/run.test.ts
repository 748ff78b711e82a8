// Fixtures of the modules that act on the run: what they ask the engine to do.

import assert from "node:assert/strict";
import addHost from "../../modules/add-host.js";
import groupBy from "../../modules/group-by.js";
import pause from "../../modules/pause.js";
import ping from "../../modules/ping.js";
import setStats from "../../modules/set-stats.js";
import waitForConnection from "../../modules/wait-for-connection.js";
import type { EffectOutcome } from "../../src/module/effect.js";
import { modelOf, planFixture, testFixtures } from "../module/harness.js";

testFixtures(addHost, [
  {
    name: "takes groups as text with commas, each once, and every other key as a variable",
    params: { name: "node1:web9", groups: "web, prod,web", http_port: 80 },
    context: { extra: { http_port: 80 } },
    expect: {
      changed: false,
      effects: [{ kind: "addHost", name: "node1:web9", groups: ["web", "prod"], vars: { http_port: 80 } }],
      result: { add_host: { host_name: "node1:web9", groups: ["web", "prod"], host_vars: { http_port: 80 } } },
    },
  },
  {
    name: "knows Ansible's other names of name and groups",
    params: { hostname: "h", groupname: ["a"] },
    expect: { effects: [{ kind: "addHost", name: "h", groups: ["a"], vars: {} }] },
  },
  { name: "needs a name", params: { groups: "a" }, expect: { problem: /the parameter name is missing/ } },
  { name: "takes one name, no pattern", params: { name: "web*" }, expect: { problem: /stands for many/ } },
  { name: "takes no range", params: { name: "web[1:3]" }, expect: { problem: /stands for many/ } },
  { name: "takes no port in the name", params: { name: "web:2222" }, expect: { problem: /write crun_port: 2222/ } },
  { name: "takes no way out of crun_trees", params: { name: "h:../x" }, expect: { problem: /no name for a tree/ } },
  {
    name: "takes names for groups",
    params: { name: "h", groups: ["a b"] },
    expect: { problem: /no name for a group/ },
  },
  {
    name: "takes identifiers for variables",
    params: { name: "h", "a-b": 1 },
    context: { extra: { "a-b": 1 } },
    expect: { refusal: /"a-b" is no name for a variable/ },
  },
]);

testFixtures(groupBy, [
  {
    name: "makes dashes of blanks, in parents too",
    params: { key: "debian 12", parents: ["all linux", "x"] },
    expect: {
      effects: [{ kind: "addToGroup", group: "debian-12", parents: ["all-linux", "x"] }],
      result: { add_group: "debian-12", parent_groups: ["all-linux", "x"] },
    },
  },
  {
    name: "lies beneath all without parents",
    params: { key: "a" },
    expect: { effects: [{ kind: "addToGroup", group: "a", parents: ["all"] }] },
  },
  { name: "needs a key", params: {}, expect: { problem: /the parameter key is missing/ } },
  { name: "refuses what is no name", params: { key: "a:b" }, expect: { refusal: /"a:b" is no name for a group/ } },
]);

testFixtures(pause, [
  {
    name: "counts whole seconds, one at least",
    params: { seconds: 0.2 },
    expect: { effects: [{ kind: "pause", ms: 1000, prompt: undefined, isEchoed: true }] },
  },
  {
    name: "counts whole minutes",
    params: { minutes: 2.7 },
    expect: { effects: [{ kind: "pause", ms: 120_000, prompt: undefined, isEchoed: true }] },
  },
  {
    name: "waits for the person where no time is given",
    params: { prompt: "Go on?", echo: false },
    expect: { effects: [{ kind: "pause", ms: undefined, prompt: "Go on?", isEchoed: false }] },
  },
  { name: "takes one time", params: { minutes: 1, seconds: 1 }, expect: { problem: /exclude each other/ } },
  { name: "takes a number", params: { minutes: "soon" }, expect: { problem: /minutes/ } },
]);

testFixtures(ping, [
  { name: "answers pong", params: {}, expect: { changed: false, result: { ping: "pong" } } },
  { name: "answers what it was given", params: { data: "x" }, expect: { result: { ping: "x" } } },
  { name: "crashes on demand", params: { data: "crash" }, expect: { refusal: /boom/ } },
]);

testFixtures(setStats, [
  {
    name: "collects for the run, added to what is there",
    params: { data: { a: 1 } },
    expect: { effects: [{ kind: "addStats", data: { a: 1 }, isPerTarget: false, isAdded: true }] },
  },
  {
    name: "collects for each target, instead of what is there",
    params: { data: { a: 1 }, per_host: "yes", aggregate: "no" },
    expect: { effects: [{ kind: "addStats", data: { a: 1 }, isPerTarget: true, isAdded: false }] },
  },
  { name: "takes a map", params: { data: [1] }, expect: { problem: /needs to be a dictionary/ } },
  { name: "takes names", params: { data: { "a-b": 1 } }, expect: { refusal: /'a-b' is not valid/ } },
]);

testFixtures(waitForConnection, [
  {
    name: "tries for ten minutes, each second",
    params: {},
    expect: { effects: [{ kind: "reconnect", delayMs: 0, sleepMs: 1000, timeoutMs: 600_000 }] },
  },
  { name: "refuses times before now", params: { timeout: -1 }, expect: { problem: /seconds from 0 on/ } },
]);

describe("what effects make of results", () => {
  const startedAt = new Date("2026-01-02T03:04:05.000Z");
  const outcome = (more: Partial<EffectOutcome>): EffectOutcome => ({
    startedAt,
    endedAt: new Date(startedAt.getTime() + 90_500),
    ...more,
  });
  const conclude = (module: typeof pause, params: Record<string, unknown>, more: Partial<EffectOutcome> = {}) =>
    planFixture(module, { name: "", params, expect: {} }, modelOf()).plan?.concludeEffects?.([outcome(more)]);

  it("says how long a pause took, in the unit that was asked for", () => {
    assert.deepEqual(conclude(pause, { seconds: 90 })?.result, {
      rc: 0,
      stdout: "Paused for 90.5 seconds",
      stderr: "",
      start: "2026-01-02 03:04:05.000000",
      stop: "2026-01-02 03:05:35.500000",
      delta: 90,
      echo: true,
      user_input: "",
    });
    assert.equal(conclude(pause, { minutes: 1 })?.result?.["stdout"], "Paused for 1.51 minutes");
  });

  it("gives what was typed, and warns where nobody could type", () => {
    assert.equal(conclude(pause, {}, { input: "yes" })?.result?.["user_input"], "yes");
    assert.match(conclude(pause, {}, { isUnattended: true })?.warnings?.[0] ?? "", /not interactive/);
  });

  it("fails where the connection did not come", () => {
    const conclusion = conclude(waitForConnection, {}, { failure: "timed out" });
    assert.equal(conclusion?.refusal?.message, "timed out");
    assert.equal(conclusion?.result?.["elapsed"], 90);
  });
});
