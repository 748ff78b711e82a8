// Secrets that tell when they get out: unique words of each kind, the shapes that they may take, and where to look for them.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, lstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../lab/process.js";
import type { Scope } from "../lab/scope.js";

/** Unique secrets by kind. `odd`: with characters that quoting and encoding change. */
export class Canaries {
  readonly #all = new Map<string, string>();

  make(kind: string, odd = false): string {
    const word = `Kanari${kind}${randomBytes(6).toString("hex")}`;
    const secret = odd ? `${word}'q"\\u &%/ä` : word;
    this.#all.set(kind, secret);
    return secret;
  }

  /** What must stand nowhere: each secret in all shapes that docs/SECURITY.md says are held. */
  get words(): readonly { readonly kind: string; readonly word: string }[] {
    return [...this.#all].flatMap(([kind, secret]) => shapes(secret).map((word) => ({ kind, word })));
  }

  /** The kinds that the text shows, with the shape. */
  foundIn(text: string): string[] {
    return this.words.flatMap(({ kind, word }) => (text.includes(word) ? [`${kind}: ${word}`] : []));
  }
}

/** Written here once more, not taken from what is tested. */
function shapes(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // What depends on the secret alone, wherever it stands in a longer text.
  const inBase64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    return text.slice(Math.ceil((before * 4) / 3), Math.floor(((before + bytes.length) * 4) / 3));
  });
  // The beginning is one word, which quoting leaves alone: whatever a shape does with the rest, this would show.
  const [plain = secret] = secret.split("'");
  return [...new Set([plain, ...inBase64, ...inBase64.map((one) => one.replaceAll("+", "-").replaceAll("/", "_"))])];
}

/** Reads the arguments and environments of all processes in a loop, until `stop`; that gives what was found. */
export class Sampler {
  readonly #child;
  readonly #ended: Promise<string>;

  constructor(scope: Scope, words: readonly string[]) {
    const directory = scope.tempDir("sampler");
    const program = join(directory, "sampler");
    const source = join(repositoryRoot(), "test/threats/sampler.c");
    execFileSync("gcc", ["-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o", program, source]);
    const file = join(directory, "words");
    writeFileSync(file, `${words.join("\n")}\n`, { mode: 0o600 });
    this.#child = spawn(program, [file], { stdio: ["pipe", "pipe", "inherit"] });
    let text = "";
    this.#child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    this.#ended = new Promise((resolve) => this.#child.once("close", () => resolve(text)));
    scope.defer(() => void this.#child.kill("SIGKILL"));
  }

  async stop(): Promise<{ readonly found: readonly string[]; readonly rounds: number }> {
    this.#child.stdin.end("\n");
    const lines = (await this.#ended).split("\n").filter((line) => line !== "");
    const rounds = Number(/^rounds (\d+)$/.exec(lines.at(-1) ?? "")?.[1] ?? 0);
    return { found: lines.slice(0, -1), rounds };
  }
}

/** Files beneath the directories that came or changed since, and hold one of the words or have it in their name; but for what lies beneath `except`, or in what other tests borrowed. */
export function filesWith(
  directories: readonly string[],
  words: readonly string[],
  since: number,
  except: readonly string[],
): string[] {
  const needles = words.map((word) => Buffer.from(word));
  const others = except.flatMap((path) => ["-path", path, "-o"]);
  const names = ["-name", "crun-test-*", "-o", "-path", "/var/cache/crun-test"];
  const found = new Set<string>();
  for (const directory of directories.filter((one) => existsSync(one))) {
    const argv = ["-H", directory, "-mindepth", "1", "(", ...others, ...names, ")", "-prune", "-o"];
    argv.push("-newerct", `@${since / 1000}`, "-print0");
    // What goes away meanwhile is none of ours, and find's complaint about it no failure.
    const { stdout } = spawnSync("find", argv, { maxBuffer: 256 * 1024 * 1024 });
    for (const path of stdout
      .toString()
      .split("\0")
      .filter((one) => one !== "")) {
      if (words.some((word) => path.slice(directory.length).includes(word)) || holds(path, needles)) found.add(path);
    }
  }
  return [...found];
}

function holds(path: string, needles: readonly Buffer[]): boolean {
  try {
    const stat = lstatSync(path);
    if (!stat.isFile() || stat.size > 512 * 1024 * 1024) return false;
    const bytes = readFileSync(path);
    return needles.some((needle) => bytes.includes(needle));
  } catch {
    return false; // it went away
  }
}
