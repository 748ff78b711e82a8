// Plan files that are not to be applied, each with what is said of it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { contentOf } from "../../src/module/content.js";
import { readPlan } from "../../src/plan/plan-file.js";
import type { PlannedStep, SavedPlan } from "../../src/plan/saved-plan.js";
import { bytesOf, made } from "./plans.js";

const step: PlannedStep = {
  stage: 1,
  play: 0,
  target: "web",
  venue: "web",
  task: "motd",
  module: "copy",
  place: { file: "site.yml", line: 3 },
  isHandler: false,
  isChanged: true,
  isIgnored: false,
  isHidden: false,
  isFatal: false,
  changes: [{ kind: "writeFile", path: "/etc/motd", content: contentOf("bye\n"), expect: { type: "absent" } }],
  texts: ["write /etc/motd"],
  diffs: [],
};

const plan: SavedPlan = {
  made,
  plays: [{ title: "site", targets: ["web"], anyErrorsFatal: false }],
  targets: [{ name: "web", end: { kind: "complete" } }],
  venues: [{ name: "web", host: "local", path: "/srv/web", looks: [], after: [] }],
  steps: [step],
};

const whole = bytesOf(plan).toString("utf8");

/** With some text exchanged, and a digest that fits again. */
function edited(from: string | RegExp, to: string): string {
  const text = whole.slice(0, whole.lastIndexOf("{")).replace(from, () => to);
  assert.notEqual(text, whole.slice(0, whole.lastIndexOf("{")), `${String(from)} is not there`);
  return `${text}${JSON.stringify({ sha256: createHash("sha256").update(text).digest("hex") })}\n`;
}

const damaged = "\n  Plan again: a plan that was edited or damaged is not applied.";
const notMade = "\n  Make it with: crun plan -o FILE PLAYBOOK";
const noPlan = "is no plan of crun\n  Name the file that crun plan -o wrote; a playbook is run by crun play.";

const cases: readonly (readonly [reason: string, text: string, message: string])[] = [
  ["an empty file", "", `is empty${notMade}`],
  ["a playbook", "- hosts: all\n", noPlan],
  ["a program", "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", noPlan],
  ["other JSON", '{"plan": 1}\n', noPlan],
  [
    "one that is cut short",
    whole.slice(0, -100),
    `is cut short: its last line, the digest of all others, is not there${damaged}`,
  ],
  [
    "one without its last newline",
    whole.slice(0, -1),
    `is cut short: its last line, the digest of all others, is not there${damaged}`,
  ],
  [
    "one with more behind its end",
    `${whole}x`,
    `is cut short: its last line, the digest of all others, is not there${damaged}`,
  ],
  ["one that was edited", whole.replace("motd", "mote"), `is not as crun wrote it: its digest is another${damaged}`],
  [
    "one that lost a line",
    whole.split("\n").toSpliced(2, 1).join("\n"),
    `is not as crun wrote it: its digest is another${damaged}`,
  ],
  [
    "one of a later format",
    edited('{"crun-plan":1', '{"crun-plan":2'),
    "has the format 2; this crun knows format 1\n  Apply it with the version of crun that made it, or plan again.",
  ],
  [
    "one without a format",
    edited('{"crun-plan":1', '{"crun-plan":null'),
    "has the format null; this crun knows format 1\n  Apply it with the version of crun that made it, or plan again.",
  ],
  ["a line that is no JSON", edited('{"play":{', '{"play":{{'), `line 3 is no JSON${damaged}`],
  ["an unknown part", edited('{"play":', '{"plot":'), `line 3: has "plot", which is not known${damaged}`],
  [
    "an unknown kind of change",
    edited("writeFile", "writeFiles"),
    `line 6: step.changes[0].kind "writeFiles" is not known${damaged}`,
  ],
  [
    "a change with an unknown key",
    edited('"expect":{', '"force":true,"expect":{'),
    `line 6: step.changes[0] has "force", which is not known${damaged}`,
  ],
  [
    "a change without what it expects",
    edited(',"expect":{"type":"absent"}', ""),
    `line 6: step.changes[0] lacks "expect"${damaged}`,
  ],
  [
    "a relative path",
    edited('"path":"/etc/motd"', '"path":"etc/motd"'),
    `line 6: step.changes[0].path must be an absolute path${damaged}`,
  ],
  [
    "a mode that is none",
    edited('"kind":"writeFile"', '"kind":"writeFile","mode":99999'),
    `line 6: step.changes[0].mode 99999 is no mode${damaged}`,
  ],
  [
    "a user that is none",
    edited('"kind":"writeFile"', '"kind":"writeFile","uid":-1'),
    `line 6: step.changes[0].uid -1 is no user or group${damaged}`,
  ],
  [
    "text where a flag belongs",
    edited('"isHandler":false', '"isHandler":"no"'),
    `line 6: step.isHandler must be true or false, not the string "no"${damaged}`,
  ],
  [
    "a content that is missing",
    edited(/\{"piece".*\n/, ""),
    `line 5: step.changes[0].content names the content abc6fd595fc0…, which the file lacks${damaged}`,
  ],
  [
    "a content that is another",
    edited(/"deflated":"[^"]*"/, `"deflated":"${deflateRawSync("evil").toString("base64")}"`),
    `line 2: content is not what its sha256 says${damaged}`,
  ],
  [
    "a content that is too short",
    edited(/"deflated":"[^"]*"/, '"deflated":"q+ACAA=="'),
    `line 3: content lacks its last piece${damaged}`,
  ],
  [
    "a content that cannot be decompressed",
    edited(/"deflated":"[^"]*"/, '"deflated":"AAAA"'),
    `line 2: deflated cannot be decompressed${damaged}`,
  ],
  [
    "a content that is no base64",
    edited(/"deflated":"[^"]*"/, '"deflated":"****"'),
    `line 2: piece.deflated is no base64${damaged}`,
  ],
  [
    "a step for nobody",
    edited('"target":"web"', '"target":"db"'),
    `makes no sense: steps[0] is for the target "db", which the plan does not have${damaged}`,
  ],
  [
    "a step in no tree",
    edited('"venue":"web"', '"venue":"db"'),
    `makes no sense: steps[0] acts in "db", which the plan does not have${damaged}`,
  ],
  [
    "a step of no play",
    edited('"play":0', '"play":7'),
    `makes no sense: steps[0] is of the play 7, which does not have its target${damaged}`,
  ],
  [
    "a step that is described as another",
    edited('"texts":["write /etc/motd"]', '"texts":[]'),
    `makes no sense: steps[0] describes other changes than it makes${damaged}`,
  ],
  [
    "a target that stands there twice",
    edited(/(\{"target".*\n)/, `${/\{"target".*\n/.exec(whole)?.[0] ?? ""}`.repeat(2)),
    `makes no sense: the target "web" stands there twice${damaged}`,
  ],
];

describe("a plan file is refused", () => {
  let directory = "";
  before(() => void (directory = mkdtempSync(join(tmpdir(), "crun-plan-"))));
  after(() => rmSync(directory, { recursive: true }));

  const notNeeded = (): Promise<never> => Promise.reject(new Error("nothing is encrypted here"));
  const messageOf = async (file: string): Promise<string> => {
    try {
      await readPlan(file, notNeeded);
    } catch (error) {
      if (error instanceof CrunError) return error.message;
      throw error;
    }
    return "";
  };

  for (const [reason, text, message] of cases) {
    it(reason, async () => {
      const file = join(directory, "p");
      writeFileSync(file, Buffer.from(text, "latin1"), { mode: 0o600 });
      assert.equal(await messageOf(file), `error: the plan ${file} ${message}`);
    });
  }

  it("that is not there, is a directory, or can be written by others", async () => {
    const missing = join(directory, "missing");
    assert.equal(await messageOf(missing), `error: the plan ${missing} does not exist${notMade}`);
    const folder = join(directory, "folder");
    mkdirSync(folder);
    assert.equal(
      await messageOf(folder),
      `error: the plan ${folder} is no file\n  Name the file that crun plan -o wrote.`,
    );
    const open = join(directory, "open");
    writeFileSync(open, whole);
    chmodSync(open, 0o666);
    assert.equal(
      await messageOf(open),
      `error: the plan ${open} can be written by others than its owner, who could have put anything into it\n  Look at it (crun show), then take that away: chmod go-w ${open}`,
    );
  });

  it("but not as crun wrote it", async () => {
    const file = join(directory, "good");
    writeFileSync(file, whole, { mode: 0o600 });
    assert.deepEqual((await readPlan(file, notNeeded)).plan, plan);
  });
});
