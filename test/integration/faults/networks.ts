// Connections over SSH that break at a frame: the network, the host's ssh server, or the controller.
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressOf } from "../../connection/hosts.js";
import { delayingRelay, type Relay } from "../../lab/relay.js";
import type { Scope } from "../../lab/scope.js";
import { sshHost, type SshHost } from "../../lab/sshd.js";
import type { FaultBench, Tried } from "./every-call.js";
import type { BrokenFrame, FrameCounts } from "./frames.js";

const ways = ["cut", "half", "stall", "server", "kill"] as const;

/** Each boundary of a frame, both ways, each way to break. */
export function networkBreaks(counts: FrameCounts): readonly BrokenFrame[] {
  return (["up", "down"] as const).flatMap((direction) =>
    Array.from({ length: counts[direction] }, (_, index) => index + 1).flatMap((number) =>
      ways.map((how) => ({ direction, number, how })),
    ),
  );
}

/** A host behind a relay, at which connections break. */
export class BreakingNetwork {
  readonly #scope: Scope;
  readonly #host: SshHost;

  private constructor(scope: Scope, host: SshHost) {
    this.#scope = scope;
    this.#host = host;
  }

  static async make(scope: Scope): Promise<BreakingNetwork> {
    return new BreakingNetwork(scope, await sshHost(scope));
  }

  /** What came of a break. */
  async try(bench: FaultBench, broken: BrokenFrame): Promise<Tried> {
    const host = this.#host;
    const relay = await delayingRelay(this.#scope, host, 0);
    const known = join(this.#scope.tempDir("known"), "known_hosts");
    const lines = host.knownHostsLines.map((line) => line.replace(`:${host.port} `, `:${relay.port} `));
    writeFileSync(known, lines.join("\n"));
    try {
      const { exitStatus, told, problems } = await bench.tryNetwork(broken, {
        address: addressOf(host, { port: relay.port, knownHostsFiles: [known] }),
        break: (how) => void this.#break(relay, how),
        hasEnded: () => {
          // A stalled network that nobody cuts is the kernel's to give up.
          if (broken.how === "stall") void relay.cut();
          return !hasHelper(host);
        },
      });
      // But for the greeting itself all of them come after it.
      const isGreeting = broken.direction === "down" && broken.number === 1;
      if (!isGreeting && told.some((word) => word.includes("greet"))) problems.push("the greeting is blamed");
      const name = `${broken.direction} ${broken.number} ${broken.how}`;
      return { name, end: `${broken.how}: status ${exitStatus}`, told, problems };
    } finally {
      await relay.stop();
    }
  }

  async #break(relay: Relay, how: BrokenFrame["how"]): Promise<void> {
    if (how === "server") await this.#host.cutSessions();
    else await (how === "stall" ? relay.stall() : relay.cut());
  }
}

/** Whether a helper runs on the host, whose processes are alone in a namespace. */
function hasHelper(host: SshHost): boolean {
  const own = readlinkSync(`/proc/${host.pid}/ns/pid`);
  return readdirSync("/proc").some((pid) => {
    try {
      if (!/^\d+$/.test(pid) || readlinkSync(`/proc/${pid}/ns/pid_for_children`) !== own) return false;
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("/.cache/crun/helper-");
    } catch {
      // gone
      return false;
    }
  });
}
