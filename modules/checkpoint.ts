// Checkpoints of programs that run in a tree: all that they hold in memory, written down by the host's criu, to go on from there later.

import { outputText } from "../src/module/command-result.js";
import { contentOf } from "../src/module/content.js";
import type { Change } from "../src/module/change.js";
import { defineModule, type Context, type Plan, type Refusal } from "../src/module/contract.js";
import type { ExecObservation, ReadObservation, StatObservation } from "../src/module/probe.js";
import {
  checkpointNameProblem,
  checkpointPlace,
  checkpointText,
  parseCheckpoint,
  type CheckpointInfo,
} from "../src/tree/checkpoint.js";
import { ownDirectory } from "../src/tree/keep.js";
import { treePlace, type TreePlace } from "../src/tree/place.js";
import { hostProgram, programRefusal } from "../src/tree/program.js";

export default defineModule({
  name: "checkpoint",
  summary: "Take checkpoints of programs that run in a tree, and have them go on from there",
  takesRoot: "criu stops and restores programs as root",
  doc:
    "A checkpoint holds a process of the tree and all that it has started: memory, open files, timers. criu of the host takes it and brings it back under the same process ids. It is for programs " +
    "whose root is the tree (chroot), not for machines. Open files must be there as they were; a terminal, or a socket to a process outside, is refused by criu.",
  actsOn: "host",
  params: {
    name: { type: "str", required: true, doc: "The checkpoint." },
    pid: { type: "int", doc: "The program's first process, as the host counts. For `taken` it must be given." },
    state: {
      type: "str",
      choices: ["taken", "running", "absent"],
      default: "taken",
      doc: "`taken`: there is such a checkpoint; one that is there is not taken anew. `running`: its program runs; if it does not, it goes on from the checkpoint.",
    },
    leave_running: { type: "bool", default: true, doc: "Whether the program goes on after the checkpoint." },
    tcp: { type: "bool", default: false, doc: "Keep connections over TCP (criu's --tcp-established)." },
  },
  returns: { pid: "The program's first process.", path: "Where the checkpoint lies on the host." },
  check: ({ name, pid, state }) =>
    checkpointNameProblem(name) ??
    (state === "taken" && pid === undefined
      ? "pid says which program the checkpoint is to be taken of"
      : pid !== undefined && pid < 2
        ? "pid is the number of a process from 2 on"
        : undefined),
  observe: ({ name, pid }, context) => {
    const place = treePlace(context.target.path);
    const { all, directory, info, images } = checkpointPlace(place, name);
    return {
      keep: { kind: "stat", path: place.keep } as const,
      all: { kind: "stat", path: all } as const,
      directory: { kind: "stat", path: directory } as const,
      images: { kind: "stat", path: images } as const,
      info: { kind: "read", path: info } as const,
      root: { kind: "stat", path: `/proc/${pid ?? "self"}/root` } as const,
    };
  },
  observeMore: ({ state }, { info }) => {
    const pid = infoOf(info)?.pid;
    // What a kernel can is asked only where it is to be done.
    const isAsked = state !== "absent" && (state === "running" || info.stat === undefined);
    return {
      criu: isAsked
        ? [
            {
              kind: "exec",
              exec: { argv: ["criu", "check"], user: "root", directory: "/" },
              isOfProcesses: true,
            } as const,
          ]
        : [],
      ownRoot: pid === undefined ? [] : [{ kind: "stat", path: `/proc/${pid}/root` } as const],
    };
  },
  plan: (wish, seen, context) => {
    const place = treePlace(context.target.path);
    if (context.target.path === "/")
      return refused({ message: `${context.target.name} is a host's own root`, remedy: "Play the task on HOST:TREE." });
    const where = checkpointPlace(place, wish.name);
    const info = infoOf(seen.info);
    if (seen.info.stat !== undefined && !info)
      return refused({ message: `${where.info} is none of crun's notes`, remedy: "Look at what wrote it." });
    const result = { path: where.images, pid: info?.pid ?? wish.pid };
    if (wish.state === "absent") return { changes: removal(where, seen), result };
    if (wish.state === "running") return planRunning(wish, where, info, seen, place, result);
    if (info) return { changes: [], result, message: `was taken at ${info.takenAt}` };
    return planTaken(wish, where, seen, place, context, result);
  },
  examples: [
    {
      title: "A checkpoint of a program that runs on",
      yaml: 'checkpoint:\n  name: warm\n  pid: "{{started.pid}}"\n',
    },
    { title: "It runs, from its checkpoint if it does not", yaml: "checkpoint:\n  name: warm\n  state: running\n" },
  ],
});

type Where = ReturnType<typeof checkpointPlace>;

interface Looked {
  readonly keep: StatObservation;
  readonly all: StatObservation;
  readonly directory: StatObservation;
  readonly images: StatObservation;
  readonly info: ReadObservation;
  readonly root: StatObservation;
  readonly criu: readonly ExecObservation[];
  readonly ownRoot: readonly StatObservation[];
}

function planTaken(
  {
    pid,
    leave_running,
    tcp,
  }: { readonly pid: number | undefined; readonly leave_running: boolean; readonly tcp: boolean },
  where: Where,
  seen: Looked,
  place: TreePlace,
  context: Context,
  result: NonNullable<Plan["result"]>,
): Plan {
  const refusal = criuRefusal(seen) ?? rootRefusal(pid ?? 0, seen.root, place);
  if (refusal) return refused(refusal);
  const info: CheckpointInfo = { version: 1, pid: pid ?? 0, takenAt: context.startedAt.toISOString() };
  const dump = ["criu", "dump", "-v1", "--tree", String(pid), "--images-dir", where.images, "--file-locks"];
  const remove: Change = { kind: "remove", path: where.images, isRecursive: true, expect: { type: "directory" } };
  return withWords({
    changes: [
      ...(seen.keep.stat ? [] : [ownDirectory(place.keep)]),
      ...(seen.all.stat ? [] : [ownDirectory(where.all)]),
      ...(seen.directory.stat ? [] : [ownDirectory(where.directory)]),
      // Of a run that was killed: without its note it is not whole.
      ...(seen.images.stat ? [remove] : []),
      ownDirectory(where.images),
      hostProgram({
        argv: [...dump, ...(leave_running ? ["--leave-running"] : []), ...(tcp ? ["--tcp-established"] : [])],
      }),
      {
        kind: "writeFile",
        path: where.info,
        content: contentOf(checkpointText(info)),
        mode: 0o600,
        uid: 0,
        gid: 0,
        expect: { type: "absent" },
      },
    ],
    result,
    message: "is taken",
    onFailure: [remove],
  });
}

function planRunning(
  { tcp, name }: { readonly tcp: boolean; readonly name: string },
  where: Where,
  info: CheckpointInfo | undefined,
  seen: Looked,
  place: TreePlace,
  result: NonNullable<Plan["result"]>,
): Plan {
  if (!info)
    return refused({
      message: `there is no checkpoint ${name} of ${place.path}`,
      remedy: "Take one first: state: taken.",
    });
  const { stat } = seen.ownRoot[0] ?? {};
  if (stat?.target === place.path) return { changes: [], result, message: "runs" };
  if (stat !== undefined)
    return refused({
      message: `process ${info.pid} is another program, and the checkpoint's needs its number`,
      remedy: "Wait for that one to end, or start the program anew.",
    });
  const refusal = criuRefusal(seen);
  if (refusal) return refused(refusal);
  const argv = ["criu", "restore", "-v1", "--images-dir", where.images, "--restore-detached", "--file-locks"];
  return withWords({
    changes: [
      {
        ...hostProgram({ argv: [...argv, ...(tcp ? ["--tcp-established"] : [])] }),
        assumes: [
          { kind: "makeDirectory", path: `/proc/${info.pid}`, mode: 0o555, expect: {} },
          { kind: "makeLink", path: `/proc/${info.pid}/root`, target: place.path, expect: {} },
        ],
      },
    ],
    result,
    message: "goes on",
  });
}

function removal(where: Where, { info, images }: Looked): Change[] {
  return [
    ...(info.stat ? [{ kind: "remove", path: where.info, expect: { type: "file" } } as const] : []),
    ...(images.stat
      ? [{ kind: "remove", path: where.images, isRecursive: true, expect: { type: "directory" } } as const]
      : []),
  ];
}

/** What criu says itself of what it cannot do here. */
function criuRefusal({ criu }: Pick<Looked, "criu">): Refusal | undefined {
  const [seen] = criu;
  if (seen === undefined) return { message: "criu was not asked whether it can work here" };
  const remedy = "Checkpoints take criu on the host, and a kernel that it knows (criu check).";
  return programRefusal("criu check", seen, remedy);
}

/** Only what runs in the tree: a number may be any process of the host. */
function rootRefusal(pid: number, { stat, failure }: StatObservation, { path }: TreePlace): Refusal | undefined {
  if (stat?.target === path) return undefined;
  if (failure) return { message: `process ${pid} cannot be looked at: ${failure.message}` };
  if (stat === undefined) return { message: `there is no process ${pid}`, remedy: "Name the program's first process." };
  return {
    message: `process ${pid} does not run in ${path}: its root is another one`,
    remedy: "Name a process of the tree. Those of machines have namespaces of their own and cannot be taken.",
  };
}

function infoOf({ content }: ReadObservation): CheckpointInfo | undefined {
  return content ? parseCheckpoint(outputText(content)) : undefined;
}

/** In criu's own words, which say what it cannot take along. */
function withWords(plan: Plan): Plan {
  const { changes } = plan;
  return {
    ...plan,
    conclude: (outcomes) => {
      const at = changes.findIndex((change, index) => change.kind === "exec" && outcomes[index] !== undefined);
      const refusal = at < 0 ? undefined : programRefusal("criu", outcomes[at]);
      return refusal ? { refusal } : {};
    },
  };
}

function refused(refusal: Refusal): Plan {
  return { changes: [], refusal };
}
