// The session with a host's helper, as the engine sees it.

import type { Change, Outcome } from "../module/change.js";
import type { ExecSpec, Exit, Observation, Probe } from "../module/probe.js";
import type { Reach } from "../module/reach.js";

export type Entry = "auto" | "chroot" | "unshare" | "nspawn" | "machine";

/** What the greeting told of the host. */
export interface HostInfo {
  readonly architecture: string;
  readonly kernel: string;
  readonly nodename: string;
  /** Of the login, or of whom it became. */
  readonly uid: number;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly hasOpenat2: boolean;
  readonly isRootless: boolean;
  /** What can be had in trees. */
  readonly reach: Reach;
}

/** How a tree is opened. */
export interface OpenOptions {
  readonly entry: Entry;
  readonly isHostRoot: boolean;
  /** Without root: on the host itself as the root of trees too, who has all that is in them, not as the login. */
  readonly isAsRoot?: boolean;
  /** What is mounted by it, by programs on the host too, other sessions of the same kind see alone; it ends with the helper, whatever kills that. */
  readonly hasOwnMounts?: boolean;
}

/** One helper on one host. Every pending promise is rejected with a CrunError (exitStatus 4) when the connection is lost. */
export interface HostSession {
  readonly host: string;
  readonly info: HostInfo;
  /** Does not wait for the helper: an error (no such tree) comes with the first use, as a CrunError with exitStatus 4. */
  openTree(path: string, options: OpenOptions): TreeSession;
  close(): Promise<void>;
}

/** Output of a running exec: which change or probe of the batch, which stream. */
export type OutputListener = (index: number, stream: "stdout" | "stderr", data: Uint8Array) => void;

/** Output of a program that runs alone. A promise returned holds the connection back until it resolves (back-pressure). */
export type OutputTaker = (stream: "stdout" | "stderr", data: Uint8Array) => void | Promise<void>;

export interface ApplyOptions {
  readonly onOutcome?: (index: number, outcome: Outcome) => void;
  readonly onOutput?: OutputListener;
  readonly signal?: AbortSignal;
}

export interface HoldWish {
  /** Directory of the locks, on the host. */
  readonly locks: string;
  readonly timeoutMs: number;
  /** Who holds it, for who has to wait: at most 900 bytes. */
  readonly holder: string;
  readonly signal?: AbortSignal;
}

export interface TreeSession {
  /** One round trip, however many probes. Answers in the order of the probes. */
  observe(probes: readonly Probe[]): Promise<readonly Observation[]>;
  /**
   * Carries out the changes in order and stops at the first that fails. Returns an outcome for each that was tried. `onOutcome` is told as they come.
   * Abort: the running process is killed, no further change begins.
   */
  apply(changes: readonly Change[], options?: ApplyOptions): Promise<readonly Outcome[]>;
  /**
   * Takes the lock of the tree as a whole, which its host keeps until the session is closed or the connection ends. It fails with the code `deadline` where
   * another session holds it for all of the time (`path`: who, as that one said; `message`: since how many seconds), with `conflict` where another tree has taken this
   * one's place meanwhile: the tree is to be opened anew then.
   */
  hold(wish: HoldWish): Promise<Outcome>;
  /** A program with live streams, for `crun exec`. Without `stdin` in the spec it reads what `write` brings. */
  exec(spec: ExecSpec & { readonly rows?: number; readonly columns?: number }): Promise<RunningExec>;
  /**
   * A program in the background: what is asked of the tree later does not wait for its end. It has no input but the spec's, and its output is cut at the
   * spec's limit.
   */
  start(spec: ExecSpec): Promise<RunningExec>;
  close(): Promise<void>;
}

export interface RunningExec {
  readonly pid: number;
  /** It ends neither with the tree's session nor with the connection (`start` on a host's own root and in a running machine). */
  readonly livesOn: boolean;
  onOutput(taker: OutputTaker): void;
  /** Resolves when the bytes were handed to the connection (back-pressure). */
  write(data: Uint8Array): Promise<void>;
  endInput(): void;
  resize(rows: number, columns: number): void;
  signal(number: number): void;
  /** Kills it with all that descends from it. */
  cancel(): void;
  readonly exited: Promise<Exit>;
}

/** How a host is reached: the checked connection variables. */
export interface HostAddress {
  /** The inventory's name. `local` is this machine. */
  readonly name: string;
  readonly kind: "local" | "ssh";
  readonly address: string;
  readonly port?: number;
  readonly user?: string;
  readonly identityFiles?: readonly string[];
  readonly password?: string;
  /** For the helper on the host. Absent: sudo where the login is not root. */
  readonly become?: {
    readonly isWanted: boolean;
    readonly method: "sudo" | "su" | "doas" | "none";
    readonly user: string;
    /** The program instead of the method's own name; options instead of its usual ones, separated by blanks. */
    readonly exe?: string;
    readonly flags?: string;
    readonly password?: string;
  };
  readonly connectTimeoutMs: number;
  readonly connectRetries: number;
  readonly keepaliveIntervalMs: number;
  readonly acceptsNewHostKeys: boolean;
  readonly knownHostsFiles?: readonly string[];
  /** ssh_config to use instead of the user's own. */
  readonly sshConfigFile?: string;
}

export interface PromptOptions {
  /** What is typed is not shown. */
  readonly isSecret: boolean;
  /** At Ctrl-C: rejects with a CrunError (exitStatus 130), or signals SIGINT to this process, as without a question. Absent: there is no answer, and no more to it. */
  readonly atInterrupt?: "reject" | "signal";
}

/** Questions to the person at the terminal, asked by connections (passwords, passphrases). Undefined: nobody to ask. */
export type Prompt = (question: string, options: PromptOptions) => Promise<string | undefined>;

/** Opens a session; rejects with a CrunError (exitStatus 4) that says which step failed and what to do. */
export type Connect = (address: HostAddress, prompt: Prompt) => Promise<HostSession>;
