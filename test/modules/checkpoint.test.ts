// The module checkpoint: what criu is asked for, and what is refused before it is.

import checkpoint from "../../modules/checkpoint.js";
import { checkpointText } from "../../src/tree/checkpoint.js";
import { contextOf, testFixtures } from "../module/harness.js";

const { path } = contextOf().target;
const all = "/var/lib/machines/.crun/checkpoints";
const images = `${all}/web1/warm`;
const program = { "/proc/4242/root": { target: path } } as const;
const can = { "criu check": { stdout: "Looks good.\n" } } as const;
const note = { [`${images}.json`]: checkpointText({ version: 1, pid: 4242, takenAt: "2026-01-01T00:00:00.000Z" }) };
const dump = ["criu", "dump", "-v1", "--tree", "4242", "--images-dir", images, "--file-locks"];
const restore = ["criu", "restore", "-v1", "--images-dir", images, "--restore-detached", "--file-locks"];
const taken = { name: "warm", pid: 4242 };
const running = { name: "warm", state: "running" };

testFixtures(checkpoint, [
  {
    name: "takes a checkpoint, and notes it when it is whole (partial)",
    tree: { ...program, "/var/lib/machines/.crun": { type: "directory" } },
    programs: can,
    params: taken,
    expect: {
      kinds: ["makeDirectory", "makeDirectory", "makeDirectory", "exec", "writeFile"],
      argv: [[...dump, "--leave-running"]],
      result: { pid: 4242, path: images },
      after: { [images]: { type: "directory", mode: 0o700 } },
    },
  },
  {
    name: "ends the program and keeps its connections where that is asked for",
    tree: { ...program, "/var/lib/machines": { type: "directory" } },
    programs: can,
    params: { ...taken, leave_running: false, tcp: true },
    expect: { argv: [[...dump, "--tcp-established"]] },
  },
  {
    name: "takes away what a run that was killed has left",
    tree: { ...program, [`${images}/core-1.img`]: "half" },
    programs: can,
    params: taken,
    expect: { changed: true, after: { [`${images}/core-1.img`]: undefined } },
  },
  { name: "finds one that was taken (converged)", tree: note, params: taken, expect: { changed: false } },
  {
    name: "has its program go on, which does not run",
    tree: { ...note, "/proc": { type: "directory" } },
    programs: can,
    params: running,
    expect: { argv: [restore], result: { pid: 4242 } },
  },
  {
    name: "finds its program running (converged)",
    tree: { ...note, ...program },
    programs: can,
    params: running,
    expect: { changed: false },
  },
  {
    name: "removes it",
    tree: { ...note, [`${images}/core-1.img`]: "" },
    params: { name: "warm", state: "absent" },
    expect: { kinds: ["remove", "remove"], after: { [images]: undefined } },
  },
  {
    name: "says in criu's words what the kernel cannot (error)",
    tree: program,
    programs: {
      "criu check": { status: 1, stderr: "Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds\n" },
    },
    params: taken,
    expect: { refusal: /criu check ended with 1: .*Unexpected rt vDSO area bounds/ },
  },
  {
    name: "refuses a process of elsewhere",
    tree: { "/proc/4242/root": { target: "/" } },
    programs: can,
    params: taken,
    expect: { refusal: /process 4242 does not run in .*web1/ },
  },
  { name: "refuses one that is not there", programs: can, params: taken, expect: { refusal: /no process 4242/ } },
  { name: "refuses to go on from none", programs: can, params: running, expect: { refusal: /no checkpoint warm/ } },
  {
    name: "refuses to go on where another has the number",
    tree: { ...note, "/proc/4242/root": { target: "/" } },
    programs: can,
    params: running,
    expect: { refusal: /process 4242 is another program/ },
  },
  { name: "needs a process", params: { name: "warm" }, expect: { problem: /pid says which program/ } },
  {
    name: "needs a plain name",
    params: { ...taken, name: "../x" },
    expect: { problem: /is no name for a checkpoint/ },
  },
]);
