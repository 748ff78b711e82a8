// Measures programs: whole process, wall clock, peak memory of the process itself, medians of interleaved repetitions.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** One run of a program. */
export interface Sample {
  readonly ms: number;
  /** Peak resident set of the started process, without its children, in MiB; 0 when it ended before the first look. */
  readonly peakMib: number;
  readonly status: number | null;
  readonly output: string;
}

/** A program to be measured. */
export interface Contender {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Throws when a run did not do what it should have: wrong work is not measured. */
  readonly check?: (sample: Sample) => void;
}

function peakMib(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    // it has ended
    return 0;
  }
}

/**
 * The contender, with its processor time (user and system, all its processes) printed as the last line of its output:
 * on a busy machine that says more than the wall clock.
 */
export function onProcessorTime(contender: Contender): Contender {
  return { ...contender, argv: ["bash", "-c", 'TIMEFORMAT="cpu %3U %3S"; time "$@"', "time", ...contender.argv] };
}

/** The processor time that `onProcessorTime` had printed. */
export function processorMs(output: string): number | undefined {
  const match = /^cpu ([\d.]+) ([\d.]+)$/m.exec(output);
  return match === null ? undefined : (Number(match[1]) + Number(match[2])) * 1000;
}

/** Runs a program once; its output goes to a pipe. With `watchesMemory` it is looked at every 10 ms. */
export async function measure(contender: Contender, watchesMemory = false): Promise<Sample> {
  const [file = "", ...rest] = contender.argv;
  return await new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(file, rest, {
      env: { ...process.env, ...contender.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let peak = 0;
    const timer = watchesMemory ? setInterval(() => (peak = Math.max(peak, peakMib(child.pid ?? 0))), 10) : undefined;
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (status) => {
      const ms = performance.now() - begin;
      clearInterval(timer);
      const sample = { ms, peakMib: peak, status, output: Buffer.concat(chunks).toString() };
      try {
        contender.check?.(sample);
        resolve(sample);
      } catch (error) {
        reject(new Error(`${contender.name}: ${String(error)}\n${sample.output.slice(-4000)}`));
      }
    });
  });
}

/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + high) / 2 : high;
}

/** Runs each contender `repeat` times, taking turns, after one round that does not count. Median milliseconds by name. */
export async function race(contenders: readonly Contender[], repeat: number): Promise<Map<string, number>> {
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round <= repeat; round++) {
    for (const contender of contenders) {
      const { ms, output } = await measure(contender);
      if (round > 0) {
        times.get(contender.name)?.push(processorMs(output) ?? ms);
      }
    }
  }
  return new Map([...times].map(([name, samples]) => [name, median(samples)]));
}
