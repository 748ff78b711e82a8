// A law over random container images: whatever layers put, take away and replace, under whatever names, crun's tree is umoci's.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describeDifferences, diffTrees } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { ociLayout } from "../lab/oci-image.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { tarBytes, type Member } from "../lab/tar-bytes.js";
import { runTasks } from "./crun-tasks.js";

/** Parts of names, as bytes in latin1: what shells, awk, tar's own listing and terminals take for something else. */
const parts = "a b \\ \" ' \n \t \r $ ` * ? [ 0 1 01 101 - -> %s %b \\n \\0 \u0001 \u007f \u001b[ \u00ff \u00c3\u00a9"
  .split(" ")
  .concat(" ", " link to ");

/** A linear congruential generator: the same seed, the same image. */
function randomNumbers(start: number): (limit: number) => number {
  let state = start;
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor(state / 256) % limit;
  };
}

/** Three layers; no layer speaks twice of one thing, where the order within a layer would decide. */
function randomLayers(seed: number): Buffer[] {
  const random = randomNumbers(seed);
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const known: string[] = [];
  const directories = [""];
  return [0, 1, 2].map((layer) => {
    const members: Member[] = [];
    const touched: string[] = [];
    const isFree = (path: string): boolean =>
      !touched.some((one) => one === path || one.startsWith(`${path}/`) || path.startsWith(`${one}/`));
    const add = (path: string, member: Omit<Member, "name">, ending = ""): void => {
      members.push({ name: Buffer.from(path + ending, "latin1"), ...member });
    };
    for (let count = 0; count < 40; count++) {
      const choice = random(10);
      if (layer > 0 && choice < 4) {
        const path = pick(known);
        if (!isFree(path)) continue;
        touched.push(path);
        if (choice === 3)
          add(path, random(2) === 0 ? { content: `new ${count}` } : { type: "link", target: `to ${count}` });
        else add(path.replace(/[^/]*$/, ".wh.$&"), {});
        continue;
      }
      const directory = layer === 0 ? pick(directories) : "";
      const path =
        directory + (directory === "" ? "" : "/") + Array.from({ length: 1 + random(4) }, () => pick(parts)).join("");
      if (touched.includes(path)) continue;
      touched.push(path);
      known.push(path);
      const isDirectory = random(3) === 0;
      if (isDirectory && layer === 0) directories.push(path);
      if (isDirectory) add(path, { mode: 0o755 - random(8) }, "/");
      else add(path, { content: `content ${random(1000)}`, uid: random(100) });
    }
    return tarBytes(members);
  });
}

describe("random layers", function () {
  this.timeout(60_000);
  const scope = testScope();
  before(function () {
    requireOrSkip(this, { root: true, tools: ["skopeo", "umoci", "tar", "unshare", "setpriv"] });
  });

  for (const seed of [1, 2, 3, 4])
    it(`make the same tree as with umoci (seed ${seed})`, async () => {
      const directory = scope.tempDir("random");
      const layout = join(directory, "layout");
      ociLayout(layout, [{ tag: "x", layers: randomLayers(seed).map((bytes) => ({ bytes })) }]);
      await must(["umoci", "raw", "unpack", "--image", `${layout}:x`, join(directory, "umoci")]);
      const name = join(directory, "tree");
      const [told] = await runTasks(scope, "local", [{ tree: { name, oci: `oci:${layout}:x` } }]);
      assert.equal(told?.status, "changed", told?.message);
      const differences = await diffTrees(join(directory, "umoci"), name, { without: ["mtime"] });
      assert.equal(describeDifferences(differences), "");
    });
});
