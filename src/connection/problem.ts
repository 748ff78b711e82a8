// Errors of connections: which host, how it is reached, which step, why, and what to do.

import { CrunError } from "../diagnostic/diagnostic.js";
import { quoteNoise } from "../wire/noise.js";

/** What cannot be reached, and where it stands. */
export interface Problem {
  /** The inventory's name. */
  readonly host: string;
  /** As `root@10.0.0.1:22`. */
  readonly where: string;
  /** What was being done: `connecting`, `logging in`, `starting the helper`. */
  readonly step: string;
  readonly cause: string;
  readonly remedy: string;
  /** More lines for those who look closer. */
  readonly detail?: string | undefined;
  /** What the remote side printed. */
  readonly noise?: Uint8Array | undefined;
  /** Trying again may help: nothing was refused, the network or the host did not answer. */
  readonly isTransient?: boolean;
}

/** A CrunError with exitStatus 4. */
export class ConnectionError extends CrunError {
  readonly problem: Problem;

  constructor(problem: Problem) {
    const printed = quoteNoise(problem.noise ?? new Uint8Array(0));
    const detail = [problem.detail ?? "", printed === "" ? "" : `the host printed:\n${printed}`];
    super(
      {
        severity: "error",
        summary: `${problem.host} (${problem.where}): ${problem.step} failed: ${problem.cause}`,
        detail: detail.filter((part) => part !== "").join("\n") || undefined,
        remedy: problem.remedy,
      },
      4,
    );
    this.problem = problem;
  }
}
