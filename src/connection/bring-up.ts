// From a process on the host to a helper that greets: markers, the upload, the password, and one clear error for each way it can fail.

import { escapeControls } from "../wire/noise.js";
import { MAGIC, NOISE_LIMIT } from "../wire/frames.js";
import type { HelperStream } from "./helper-stream.js";
import type { Prompt } from "../target/session.js";
import type { BecomePlan } from "./become.js";
import type { Deadline } from "./deadline.js";
import type { Architecture, HelperBinary } from "./helper-binary.js";
import { ConnectionError } from "./problem.js";

/** What was started, its streams still unread. */
export interface Started extends Omit<HelperStream, "noise"> {
  /** How it ended: `status 127`, `signal SIGKILL`; pending while it runs. */
  readonly ended: Promise<string>;
}

export interface BringUp {
  readonly host: string;
  readonly deadline: Deadline;
  readonly marker: string;
  readonly helpers: Readonly<Partial<Record<Architecture, HelperBinary>>>;
  readonly become: BecomePlan;
  readonly becomePassword: string | undefined;
  readonly prompt: Prompt;
}

const STEP = "starting the helper";
const EXIT_WAIT_MS = 1000;
/** So many times what a connection may take there is more for the helper's 180 KB, once for each host and version. */
const UPLOAD_TIMES = 3;
/** The command on the host has two places to try (snippet.ts). Who asks on, or tells of more, is not that command. */
const PLACES = 2;
/** Lectures of sudo are long, but have an end. */
const ERRORS_LIMIT = 1024 * 1024;

/**
 * Resolves when the helper's greeting is next in `started.output`. Rejects with a ConnectionError; the process is closed then.
 */
export async function bringUp(started: Started, options: BringUp): Promise<HelperStream> {
  const run = new Run(started, options);
  try {
    await options.deadline.race(run.done, () => run.problem(run.lateCause(), run.lateRemedy()));
    options.deadline.stop();
    return { ...started, noise: run.noise() };
  } catch (error) {
    options.deadline.stop();
    // Nothing of a run is there yet, and who does not answer would not say goodbye, either.
    await started.close(true);
    throw error;
  } finally {
    run.detach();
  }
}

/** One start. */
class Run {
  readonly #started: Started;
  readonly #options: BringUp;
  readonly #skipped: string[] = [];
  #output: Buffer = Buffer.alloc(0);
  #errors: Buffer = Buffer.alloc(0);
  #answered = 0;
  #isUploading = false;
  #uploads = 0;
  #errorBytes = 0;
  #resolve: () => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  readonly done: Promise<void>;
  readonly #onOutput = (chunk: Uint8Array): void => this.#takeOutput(chunk);
  readonly #onErrors = (chunk: Uint8Array): void => this.#takeErrors(chunk);
  readonly #onEnd = (): void => void this.#end();

  constructor(started: Started, options: BringUp) {
    this.#started = started;
    this.#options = options;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => undefined); // the deadline may have been first
    started.output.on("data", this.#onOutput).once("end", this.#onEnd).once("close", this.#onEnd);
    started.output.on("error", this.#onEnd);
    started.errors.on("data", this.#onErrors);
    started.input.on("error", this.#onEnd);
  }

  noise(): Uint8Array {
    return Buffer.concat([this.#output, this.#errors]);
  }

  detach(): void {
    const { output, errors, input } = this.#started;
    output.pause();
    errors.pause();
    output.off("data", this.#onOutput).off("end", this.#onEnd).off("close", this.#onEnd);
    errors.off("data", this.#onErrors);
    // The handlers of errors stay: without one a late EPIPE would end crun itself.
    input.on("error", () => undefined);
  }

  problem(cause: string, remedy: string): ConnectionError {
    const { host } = this.#options;
    const detail = this.#skipped.join("\n") || undefined;
    return new ConnectionError({
      host,
      where: this.#started.where,
      step: STEP,
      cause,
      remedy,
      detail,
      noise: this.noise(),
    });
  }

  lateCause(): string {
    return this.#isUploading ? "the upload of the helper did not end in time" : "no answer in time";
  }

  lateRemedy(): string {
    return (
      "Look at the host's load and at what its login shell starts (a ForceCommand, as logins for sftp alone have, never answers); " +
      "raise the connect timeout if the network is slow."
    );
  }

  #takeOutput(chunk: Uint8Array): void {
    this.#output = Buffer.concat([this.#output, chunk]);
    const magic = this.#output.indexOf(MAGIC);
    if (magic >= 0) {
      const rest = this.#output.subarray(magic);
      this.#output = this.#output.subarray(0, magic);
      this.#started.output.pause();
      this.#started.output.off("data", this.#onOutput);
      this.#started.output.unshift(rest);
      this.#resolve();
      return;
    }
    for (let line = this.#nextMarker(); line !== undefined; line = this.#nextMarker()) this.#obey(line);
    if (this.#output.length > NOISE_LIMIT) {
      this.#rejectEndless();
    }
  }

  #rejectEndless(): void {
    this.#reject(
      this.problem("the login prints without end", "Make the login shell silent for commands that ssh runs."),
    );
  }

  /** Takes the next line that begins with the marker out of the output. */
  #nextMarker(): string | undefined {
    const start = this.#output.indexOf(`${this.#options.marker} `);
    const end = start < 0 ? -1 : this.#output.indexOf("\n", start);
    if (end < 0) return undefined;
    const line = this.#output.toString("utf8", start + this.#options.marker.length + 1, end).trimEnd();
    this.#output = Buffer.concat([this.#output.subarray(0, start), this.#output.subarray(end + 1)]);
    return line;
  }

  #obey(line: string): void {
    const [word = "", first = "", ...rest] = line.split(" ");
    const subject = escapeControls([first, ...rest].join(" "));
    switch (word) {
      case "need":
        this.#upload(first);
        break;
      case "skip":
        this.#isUploading = false;
        this.#skipped.push(`${escapeControls(rest.join(" "))}: ${SKIPS[first] ?? escapeControls(first)}`);
        if (this.#skipped.length > PLACES) this.#rejectOdd();
        break;
      case "arch":
        this.#reject(
          this.problem(
            `there is no helper for this host's architecture (${subject})`,
            "crun works on x86_64 and aarch64; the helper of the other architecture is built where gcc-aarch64-linux-gnu is installed (npm run build).",
          ),
        );
        break;
      case "nomethod":
        this.#reject(
          this.problem(
            `the host has no ${subject} to become ${this.#options.become.user} with`,
            "Set crun_become_method to one that it has, log in as root (crun_user), or set crun_become: false to go without.",
          ),
        );
        break;
      case "none":
        this.#reject(
          this.problem(
            "the helper can be put nowhere on the host",
            "Give the login a home, or a /var/tmp, that it can write to, with space left, and not mounted noexec.",
          ),
        );
        break;
    }
  }

  #upload(architecture: string): void {
    const helper =
      architecture === "x86_64" || architecture === "aarch64" ? this.#options.helpers[architecture] : undefined;
    if (helper === undefined) return;
    if (++this.#uploads > PLACES) return this.#rejectOdd();
    this.#isUploading = true;
    this.#options.deadline.extend(UPLOAD_TIMES * this.#options.deadline.wholeMs);
    this.#started.input.write(helper.bytes);
  }

  #rejectOdd(): void {
    const cause = "what answers there is not the command that crun runs: it asks for the helper again and again";
    this.#reject(this.problem(cause, "See what the login's shell and its startup files do with commands."));
  }

  #takeErrors(chunk: Uint8Array): void {
    this.#errorBytes += chunk.length;
    if (this.#errorBytes > ERRORS_LIMIT) return this.#rejectEndless();
    const text = Buffer.concat([this.#errors, chunk]);
    const found = this.#options.become.question?.exec(text.toString("latin1"));
    if (found === undefined || found === null) {
      this.#errors = text.subarray(-NOISE_LIMIT);
      return;
    }
    this.#errors = Buffer.concat([text.subarray(0, found.index), text.subarray(found.index + found[0].length)]);
    void this.#answer();
  }

  /** The password goes in once: a second question means that it was wrong. */
  async #answer(): Promise<void> {
    const { become, becomePassword, prompt, deadline, host } = this.#options;
    if (this.#answered++ > 0) {
      this.#reject(
        this.problem(
          `${become.method} did not take the password`,
          "Correct crun_become_password, or let crun ask with --ask-become-pass.",
        ),
      );
      return;
    }
    const question = `${become.method} password of ${this.#started.where} (${host}): `;
    const password = becomePassword ?? (await deadline.hold(prompt(question, { isSecret: true })));
    if (password === undefined) this.#reject(this.#needsPassword());
    else this.#started.input.write(`${password}\n`);
  }

  #needsPassword(): ConnectionError {
    const { method, user } = this.#options.become;
    return this.problem(
      `${method} asks for a password to become ${user}`,
      `Set crun_become_password, run with --ask-become-pass, or allow it without a password there${RULES[method]}.`,
    );
  }

  /** The process ended, or its output did: says why as well as can be told. */
  async #end(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const silent = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve("its output closed"), EXIT_WAIT_MS);
    });
    const how = await Promise.race([this.#started.ended, silent]);
    clearTimeout(timer);
    await new Promise((resolve) => setTimeout(resolve, 20)); // the last of stderr
    const { become } = this.#options;
    const printed = Buffer.from(this.noise()).toString("latin1");
    const matched = KNOWN_ENDS.find(({ pattern }) => pattern.test(printed));
    if (this.#answered > 1) return;
    if (become.method !== "none" && /a password is required|[Aa]uthentication required|no tty present/.test(printed)) {
      this.#reject(this.#needsPassword());
    } else if (
      this.#answered === 1 &&
      /incorrect password|[Ss]orry, try again|Authentication fail(?:ure|ed)/.test(printed)
    ) {
      this.#answered++;
      this.#reject(
        this.problem(
          `${become.method} did not take the password`,
          "Correct crun_become_password, or let crun ask with --ask-become-pass.",
        ),
      );
    } else if (matched !== undefined) {
      this.#reject(this.problem(matched.cause, matched.remedy));
    } else {
      this.#reject(
        this.problem(
          `it ended before it greeted (${how})`,
          "Try `ssh` with the same login and a command; see what the host printed.",
        ),
      );
    }
  }
}

/** Where a host says who may become whom. */
const RULES: Readonly<Record<BecomePlan["method"], string>> = {
  sudo: " (sudoers)",
  doas: " (nopass in doas.conf)",
  su: "",
  none: "",
};

const SKIPS: Readonly<Record<string, string>> = {
  private: "is no directory of the login's own with mode 0700",
  write: "could not be written to (full, read-only, or a quota)",
  check: "the helper did not arrive whole",
  noexec: "is mounted noexec",
  rename: "the helper could not be put in place",
};

const KNOWN_ENDS: readonly { readonly pattern: RegExp; readonly cause: string; readonly remedy: string }[] = [
  {
    pattern:
      /is not in the sudoers file|is not allowed to (?:execute|run)|is not permitted to|may not run sudo|doas: Operation not permitted|doas is not enabled|su: Permission denied/,
    cause: "the login may not become the other user",
    remedy:
      "Allow it there (sudoers, doas.conf, the group of pam_wheel), use another login (crun_user), or set crun_become: false to go without.",
  },
  {
    pattern: /you must have a tty|a terminal is required|must be run from a terminal/,
    cause: "becoming the other user needs a terminal there",
    remedy: "Take `requiretty` out of the host's sudoers for this login, or log in as root (crun_user).",
  },
  {
    pattern: /[Uu]nknown user|user .* does not exist|unknown user:/,
    cause: "the user to become does not exist on the host",
    remedy: "Correct crun_become_user.",
  },
  {
    pattern: /\brbash: |: restricted\b|account is (?:currently )?not available|nologin|sftp connections only/i,
    cause: "the login is not allowed to run commands",
    remedy: "Give the login a POSIX shell, or use another one (crun_user).",
  },
  {
    pattern: /Exec format error|cannot execute/,
    cause: "the helper cannot be executed on the host",
    remedy:
      "It is the one for what `uname -m` says there: see whether that is true, and whether the login may run programs of its own.",
  },
];
