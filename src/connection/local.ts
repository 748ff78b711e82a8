// The helper on this machine, as a child process.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { arch } from "node:process";
import type { HelperStream } from "./helper-stream.js";
import type { HostAddress, Prompt } from "../target/session.js";
import { becomeCommand, planBecome } from "./become.js";
import { bringUp } from "./bring-up.js";
import { childStream } from "./child-stream.js";
import { Deadline } from "./deadline.js";
import { architectureOf, findHelper } from "./helper-binary.js";
import { ConnectionError } from "./problem.js";

/** Starts it; as another user where crun_become asks for it. Rejects with a ConnectionError. */
export async function startLocal(address: HostAddress, prompt: Prompt): Promise<HelperStream> {
  const host = address.name;
  const where = "this machine";
  const fail = (cause: string, remedy: string): ConnectionError =>
    new ConnectionError({ host, where, step: "starting the helper", cause, remedy });
  const architecture = architectureOf(arch);
  const helper = architecture === undefined ? undefined : findHelper(architecture);
  if (helper === undefined) {
    throw fail(`there is no helper for ${arch} beside crun`, "Build it: npm run build:native.");
  }
  const marker = `crun-${randomBytes(12).toString("hex")}`;
  const isThere = process.getuid?.() === 0 && address.become?.user === "root";
  const wanted = {
    method: "sudo",
    user: "root",
    ...address.become,
    isWanted: address.become?.isWanted === true && !isThere,
  } as const;
  const become = planBecome(wanted, marker);
  if ("problem" in become) throw fail(become.problem, `Correct ${become.variable}.`);
  const [program = helper, ...args] = becomeCommand(become, helper);
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C" },
    // A session of its own: Ctrl-C at the terminal is for crun, which lets what runs come to its end.
    detached: true,
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) =>
      reject(
        fail(
          error.message,
          `${program} must be there and executable; crun_become_method says how to become another user.`,
        ),
      ),
    );
  });
  return bringUp(childStream(child, where), {
    host,
    deadline: new Deadline(address.connectTimeoutMs),
    marker,
    helpers: {},
    become,
    becomePassword: wanted.password,
    prompt,
  });
}
