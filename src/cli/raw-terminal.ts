// The person's terminal handed to a program elsewhere, and given back whatever happens.

import { spawnSync } from "node:child_process";
import type { ExecStreams } from "./exec.js";

/** Raw mode, and news of its size. Call what it returns to restore it; that happens too when the process ends. */
export function rawTerminal(
  stdin: ExecStreams["stdin"],
  stdout: ExecStreams["stdout"],
  onResize: (rows: number, columns: number) => void,
): () => void {
  const canBeRaw = "isTTY" in stdin && stdin.isTTY && "setRawMode" in stdin;
  const setRaw = (isRaw: boolean): void => {
    if (canBeRaw) stdin.setRawMode(isRaw);
  };
  const onSize = (): void => {
    if ("rows" in stdout) onResize(stdout.rows, stdout.columns);
  };
  const restore = (): void => {
    process.off("exit", restore);
    stdout.off("resize", onSize);
    setRaw(false);
  };
  process.on("exit", restore);
  stdout.on("resize", onSize);
  setRaw(true);
  // Node's raw mode still turns \n into \r\n: full-screen programs mean a bare line feed. setRawMode(false) brings all of it back.
  if (canBeRaw) spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
  return restore;
}
