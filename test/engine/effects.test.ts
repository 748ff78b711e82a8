// What tasks do to the run: who is asked, what is looked at anew behind a pause, and what costs no round trip.

import assert from "node:assert/strict";
import { rawLayer } from "../../src/playbook/scope/scope.js";
import { FakeTree } from "./fake-session.js";
import { loadModules, play, runPlays, task } from "./playbooks.js";

describe("effects", () => {
  before(loadModules);

  const asking = (keys: Record<string, unknown> = {}) => [
    task("pause", { prompt: "Which one", ...keys }, { name: "ask", register: "answer" }),
    task("debug", { msg: "got {{answer.user_input}}" }, { name: "told" }),
  ];

  it("ask the person at the terminal, and hide what is typed where the task says so", async () => {
    const questions: string[] = [];
    const ran = await runPlays(
      [play(asking({ echo: false }))],
      { "fake:a": new FakeTree() },
      {
        ask: (question, { isSecret }) => {
          questions.push(`${question} ${isSecret}`);
          return Promise.resolve("blue");
        },
      },
    );
    assert.deepEqual(questions, ["[ask]\nWhich one (output is hidden): true"]);
    assert.deepEqual(ran.lines, ["fake:a ask ok", "fake:a told ok"]);
    assert.equal(ran.results[1]?.result["msg"], "got ********", "what was typed unseen stays unseen");
  });

  it("fail where the question is ended without an answer, and warn where nobody can be asked", async () => {
    const ended = await runPlays(
      [play(asking())],
      { "fake:a": new FakeTree() },
      { ask: () => Promise.resolve(undefined) },
    );
    assert.deepEqual(ended.lines, ["fake:a ask failed"]);
    assert.equal(ended.results[0]?.message, "user requested abort!");
    const unattended = await runPlays([play(asking())], { "fake:a": new FakeTree() });
    assert.match(unattended.results[0]?.warnings[0] ?? "", /stdin is not interactive/);
    assert.equal(unattended.results[1]?.result["msg"], "got ");
  });

  it("look anew behind a pause: what was seen before it may be another by then", async () => {
    const trees = { "fake:a": new FakeTree({ "/x": "1" }), "fake:b": new FakeTree({ "/x": "1" }) };
    const stat = (register: string) => task("stat", { path: "/x", get_mime: false }, { name: register, register });
    const ran = await runPlays(
      [play([stat("before"), { ...task("pause", {}, { name: "ask" }), runOnce: true }, stat("after")])],
      trees,
      {
        ask: () => {
          for (const tree of Object.values(trees)) tree.model.predict([{ kind: "remove", path: "/x", expect: {} }]);
          return Promise.resolve("");
        },
      },
    );
    const seen = ran.results
      .filter((one) => one.task === "before" || one.task === "after")
      .map((one) => `${one.target} ${one.task} ${(one.result["stat"] as { exists: boolean }).exists}`);
    assert.deepEqual(seen.sort(), [
      "fake:a after false",
      "fake:a before true",
      "fake:b after false",
      "fake:b before true",
    ]);
  });

  it("cost no round trip where they only bring variables or figures", async () => {
    const tree = new FakeTree({ "/a": { type: "directory" }, "/b": { type: "directory" } });
    const directory = (path: string) => task("file", { path, state: "directory" }, { name: path });
    const ran = await runPlays(
      [play([directory("/a"), task("set_stats", { data: { n: 1 } }, { name: "figures" }), directory("/b")])],
      { "fake:a": tree },
      { readVars: () => ({ layer: rawLayer("file", {}), plain: {} }) },
    );
    assert.deepEqual(ran.lines, ["fake:a /a ok", "fake:a figures ok", "fake:a /b ok"]);
    assert.equal(tree.observed.length, 1);
    assert.deepEqual(ran.events.at(-1)?.event, "recap");
  });

  it("come after all that was planned before is done", async () => {
    const tree = new FakeTree({});
    const at: number[] = [];
    await runPlays(
      [play([task("file", { path: "/new", state: "directory" }), task("pause", { prompt: "x" })])],
      { "fake:a": tree },
      {
        ask: () => {
          at.push(tree.applied.length);
          return Promise.resolve("");
        },
      },
    );
    assert.deepEqual(at, [1]);
  });

  it("refuse to change an inventory that is fixed", async () => {
    const ran = await runPlays([play([task("add_host", { name: "h" }, { name: "add" })])], {
      "fake:a": new FakeTree(),
    });
    assert.equal(ran.results[0]?.message, "this inventory cannot be added to");
  });
});
