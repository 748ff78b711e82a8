// Every system call of the fixed plays, in full: node build/test/integration/faults/run.js [--play NAME] [--part I/OF] [--only TEXT] [--stay] [--frames [--ssh]]
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildFaulty } from "../../lab/faulty.js";
import { Scope } from "../../lab/scope.js";
import { FaultBench, nameOf, tryFrames, type Tried } from "./every-call.js";
import type { FrameCounts } from "./frames.js";
import { BreakingNetwork, networkBreaks } from "./networks.js";

const { values } = parseArgs({
  options: {
    play: { type: "string", default: "files.yml" },
    part: { type: "string", default: "1/1" },
    only: { type: "string" },
    frames: { type: "boolean", default: false },
    ssh: { type: "boolean", default: false },
    stay: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
});
/** Every boundary of a frame, both ways, each way to break. Gives the exit status. */
async function everyFrame(bench: FaultBench, play: string): Promise<number> {
  const counts = await bench.frames();
  const ends = new Map<string, number>();
  let broken = 0;
  for await (const { name, end, told, problems } of values.ssh ? overSsh(bench, counts) : tryFrames(bench, counts, 1)) {
    ends.set(end, (ends.get(end) ?? 0) + 1);
    if (problems.length > 0) broken++;
    const shown = problems.length > 0 ? `BROKEN ${name}: ${end}\n  ${problems.join("\n  ")}\n ` : `# ${name}: ${end}:`;
    process.stdout.write(`${shown} ${told.join(" | ").slice(0, 300)}\n`);
  }
  const shown = [...ends].map(([end, count]) => `${end}: ${count}`).join(", ");
  process.stdout.write(
    `figure: ${play}${values.ssh ? " over SSH" : ""}: ${counts.up} frames up, ${counts.down} down: ${shown}; ${broken} did not converge\n`,
  );
  return broken === 0 ? 0 : 1;
}

async function* overSsh(bench: FaultBench, counts: FrameCounts): AsyncGenerator<Tried> {
  const scope = new Scope();
  try {
    const network = await BreakingNetwork.make(scope);
    for (const broken of networkBreaks(counts)) yield await network.try(bench, broken);
  } finally {
    await scope.end();
  }
}

// Alone with its processes, so that the helper finds as many each time, and with its mounts, which go with it.
if (!process.env["CRUN_FAULTS_ALONE"]) {
  const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const argv = [...namespaces, "--", process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync("unshare", argv, { stdio: "inherit", env: { ...process.env, CRUN_FAULTS_ALONE: "1" } });
  process.exit(status ?? 1);
}
const [part = 1, parts = 1] = values.part.split("/").map(Number);
await buildFaulty();
const directory = mkdtempSync(join(tmpdir(), "crun-faults-"));
execFileSync("mount", ["-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", directory]);
let status = 0;
try {
  mkdirSync(directory, { recursive: true });
  const bench = await FaultBench.make(directory, values.play);
  if (values.frames) process.exit(await everyFrame(bench, values.play));
  // Calls of a kind that has failed once go on failing.
  const faults = values.stay
    ? bench.faults.flatMap(({ call, what }) =>
        what.startsWith("fail.") && !what.endsWith("EINTR") ? [{ call, what: what.replace("fail.", "stay.") }] : [],
      )
    : bench.faults;
  const all = faults
    .filter((_, index) => index % parts === part - 1)
    .filter((fault) => !values.only || nameOf(fault).includes(values.only));
  process.stdout.write(
    `${bench.calls.length} system calls, ${bench.faults.length} faults, ${all.length} of them here\n`,
  );
  if (values.list) {
    for (const fault of all) process.stdout.write(`${nameOf(fault)}\n`);
  } else {
    const ends = new Map<string, number>();
    const begin = performance.now();
    for (const [index, fault] of all.entries()) {
      const { fired, exitStatus, told, problems } = await bench.try(fault);
      const kind = fired ? `status ${exitStatus}` : "never came";
      ends.set(kind, (ends.get(kind) ?? 0) + 1);
      const name = nameOf(fault);
      if (problems.length > 0) {
        status = 1;
        process.stdout.write(
          `BROKEN ${name} (fired ${JSON.stringify(fired)}, status ${exitStatus})\n  ${problems.join("\n  ")}\n  told: ${told.join("\n        ")}\n`,
        );
      } else if (values.only) process.stdout.write(`well ${name}: ${kind}: ${told.join(" | ")}\n`);
      else process.stdout.write(`# ${name}: ${kind}: ${told.join(" | ").slice(0, 300)}\n`);
      if (index % 500 === 499)
        process.stderr.write(`${index + 1} after ${Math.round((performance.now() - begin) / 1000)} s\n`);
    }
    process.stdout.write(
      `figure: ${values.play}: ${all.length} faults: ${[...ends].map(([kind, count]) => `${kind}: ${count}`).join(", ")}\n`,
    );
  }
} finally {
  execFileSync("umount", ["--lazy", directory]);
}
process.exit(status);
