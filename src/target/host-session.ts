// A session with the helper of one host: the greeting, the trees, the end.

import { CrunError } from "../diagnostic/diagnostic.js";
import { FEATURES, PROTOCOL_VERSION } from "../wire/messages.js";
import type { Greeting } from "../wire/messages.js";
import { escapeControls } from "../wire/noise.js";
import { Blobs } from "./blobs.js";
import type { HelperStream } from "../connection/helper-stream.js";
import { HostLimits } from "./host-limits.js";
import { LimitedTree } from "./limited-tree.js";
import { Link } from "./link.js";
import { watchLife } from "./liveness.js";
import type { Patience } from "./liveness.js";
import type { HostInfo, HostSession, OpenOptions, TreeSession } from "./session.js";
import { Tree } from "./tree-session.js";

/** Waits for the helper's greeting. Rejects with a CrunError (exitStatus 4), the stream closed. */
export async function openHostSession(
  host: string,
  stream: HelperStream,
  greetingTimeoutMs: number,
  patience?: Patience,
): Promise<HostSession> {
  const link = new Link(stream, host);
  const timer = setTimeout(() => link.fail(noGreeting(host, stream, greetingTimeoutMs)), greetingTimeoutMs);
  const greeting = await link.greeting.finally(() => clearTimeout(timer));
  if (greeting.protocol !== PROTOCOL_VERSION) {
    const error = otherVersion(host, stream, greeting);
    link.fail(error);
    throw error;
  }
  const session = new Session(host, link, greeting);
  if (patience !== undefined) {
    const ask = async (): Promise<void> => {
      const root = session.openTree("/", { entry: "auto", isHostRoot: true });
      await root.observe([{ kind: "stat", path: "/" }]);
      await root.close();
    };
    watchLife(link, patience, ask, () => silent(host, stream, patience));
  }
  return session;
}

class Session implements HostSession {
  readonly host: string;
  readonly info: HostInfo;
  readonly #link: Link;
  readonly #blobs: Blobs;
  readonly #limits: HostLimits;
  #lastTree = 0;

  constructor(host: string, link: Link, greeting: Greeting) {
    this.host = host;
    this.info = infoOf(greeting);
    this.#limits = new HostLimits((path, options) => this.#open(path, options), greeting.pid);
    this.#link = link;
    this.#blobs = new Blobs(link, host);
  }

  openTree(path: string, options: OpenOptions): TreeSession {
    return new LimitedTree(this.#open(path, options), this.#limits, path, options);
  }

  #open(path: string, options: OpenOptions): Tree {
    const name = options.isHostRoot ? this.host : `${this.host}:${escapeControls(path)}`;
    return new Tree(this.#link, this.#blobs, ++this.#lastTree, name, path, options);
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}

function infoOf(greeting: Greeting): HostInfo {
  // Within a user namespace of its own the helper has all capabilities, but over nothing that is not its own.
  const isRootless =
    (greeting.features & (FEATURES.rootCapabilities | FEATURES.userNamespace)) !== FEATURES.rootCapabilities;
  return {
    architecture: greeting.architecture,
    kernel: greeting.kernel,
    nodename: greeting.nodename,
    uid: greeting.uid,
    cpus: greeting.cpus,
    memory: greeting.memory,
    hasOpenat2: (greeting.features & FEATURES.openat2) !== 0,
    isRootless,
    reach: {
      isRootless,
      hasEntries: (greeting.features & FEATURES.rootCapabilities) !== 0,
      users: greeting.users,
      groups: greeting.groups,
      lack: escapeControls(greeting.lack),
      uid: greeting.uid,
      gid: greeting.gid,
    },
  };
}

function noGreeting(host: string, stream: HelperStream, timeoutMs: number): CrunError {
  return new CrunError(
    {
      severity: "error",
      summary: `${host} (${stream.where}): no greeting from the helper within ${timeoutMs / 1000} s`,
      remedy: "Look at the host's load and at what its login shell does; a longer connect timeout may help.",
    },
    4,
  );
}

function silent(host: string, stream: HelperStream, { silenceMs, answerMs }: Patience): CrunError {
  return new CrunError(
    {
      severity: "error",
      summary: `${host} (${stream.where}): the helper has not answered for ${Math.round((silenceMs + answerMs) / 1000)} s`,
      remedy:
        "Look at the host's load, and whether the helper is stopped there; then run again: each file is the old or the new one, whole.",
    },
    4,
  );
}

function otherVersion(host: string, stream: HelperStream, greeting: Greeting): CrunError {
  const theirs = `version ${escapeControls(greeting.version)}, protocol ${greeting.protocol}`;
  return new CrunError(
    {
      severity: "error",
      summary: `${host} (${stream.where}): the helper is another one (${theirs}; this crun speaks protocol ${PROTOCOL_VERSION})`,
      remedy: "Build crun anew (npm run build): its helper and its controller come from different versions.",
    },
    4,
  );
}
