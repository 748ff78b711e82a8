// Loads inventories of 1,000, 10,000 and 50,000 hosts, ten lines each, with group_vars: processor time and memory of the whole `crun inventory`.
//
//     npm run build && npm run compile && node build/test/bench/inventory.js
//
// It fails where 10,000 hosts take more than 1.5 s, or where memory grows faster than the hosts.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../lab/process.js";
import { measure, median, onProcessorTime, processorMs, type Contender } from "./measure.js";

const sizes = [1_000, 10_000, 50_000];
const hostsPerGroup = 100;
const repetitions = 5;
const limitMs = 1_500;
const crun = join(repositoryRoot(), "dist", "crun.js");

const nameOf = (host: number): string => `node${String(host).padStart(5, "0")}.example.org`;
const addressOf = (host: number): string => `10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`;

/** One line of variables for each host, and nine groups that name each host once more. */
function ini(hosts: number): string {
  const lines: string[] = [];
  for (let host = 0; host < hosts; host++) {
    if (host % hostsPerGroup === 0) lines.push(`[rack${host / hostsPerGroup}]`);
    lines.push(`${nameOf(host)} crun_host=${addressOf(host)} crun_port=22 slot=${host % hostsPerGroup} role=web`);
  }
  for (let kind = 0; kind < 9; kind++) {
    lines.push(`[kind${kind}]`);
    for (let host = 0; host < hosts; host++) lines.push(nameOf(host));
  }
  return `${lines.join("\n")}\n`;
}

/** Nine variables under each host. */
function yaml(hosts: number): string {
  const lines = ["all:", "  children:"];
  for (let host = 0; host < hosts; host++) {
    if (host % hostsPerGroup === 0) lines.push(`    rack${host / hostsPerGroup}:`, "      hosts:");
    const vars = [
      `crun_host: ${addressOf(host)}`,
      "crun_port: 22",
      `slot: ${host % hostsPerGroup}`,
      "role: web",
      "labels: [a, b]",
      "limits: {memory: 512M, cpu: 2}",
      'url: "http://{{inventory_hostname}}/"',
      "enabled: true",
      'note: "of no use"',
    ];
    lines.push(`        ${nameOf(host)}:`, ...vars.map((one) => `          ${one}`));
  }
  return `${lines.join("\n")}\n`;
}

function write(directory: string, hosts: number, form: "ini" | "yaml"): string {
  const own = join(directory, `${form}-${hosts}`);
  mkdirSync(join(own, "group_vars"), { recursive: true });
  writeFileSync(join(own, "group_vars", "all.yml"), "domain: example.org\nntp: [ntp1, ntp2]\n");
  for (let rack = 0; rack < hosts / hostsPerGroup; rack++)
    writeFileSync(
      join(own, "group_vars", `rack${rack}.yml`),
      `row: ${rack % 10}\nswitch: {name: sw${rack}, ports: 48}\n`,
    );
  const file = join(own, form === "ini" ? "hosts" : "hosts.yml");
  writeFileSync(file, form === "ini" ? ini(hosts) : yaml(hosts));
  return file;
}

interface Figures {
  readonly cpuMs: number;
  readonly peakMib: number;
}

async function figuresOf(contender: Contender): Promise<Figures> {
  const times: number[] = [];
  for (let round = 0; round < repetitions; round++) {
    const { output } = await measure(onProcessorTime(contender));
    times.push(processorMs(output) ?? Number.NaN);
  }
  const { peakMib } = await measure(contender, true);
  return { cpuMs: median(times), peakMib };
}

async function main(): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), "crun-bench-inventory-"));
  let isGood = true;
  try {
    for (const form of ["ini", "yaml"] as const) {
      const peaks: number[] = [];
      for (const hosts of sizes) {
        const file = write(directory, hosts, form);
        const last = nameOf(hosts - 1);
        const check: Contender["check"] = ({ status, output }) => {
          if (status !== 0 || !output.includes('"slot": 99')) throw new Error(`exit status ${status}`);
        };
        const argv = [process.execPath, crun, "inventory", "-i", file];
        const one = await figuresOf({ name: `${form} ${hosts}`, argv: [...argv, "--host", last], check });
        const { output } = await measure(onProcessorTime({ name: "list", argv: [...argv, "--list"], check }));
        peaks.push(one.peakMib);
        process.stdout.write(
          `${form.padEnd(4)} ${String(hosts).padStart(6)} hosts: ${one.cpuMs.toFixed(0).padStart(5)} ms processor time, ` +
            `${one.peakMib.toFixed(0).padStart(4)} MiB; --list ${(processorMs(output) ?? Number.NaN).toFixed(0)} ms\n`,
        );
        if (hosts === 10_000 && one.cpuMs > limitMs) isGood = false;
      }
      const [small = 0, middle = 0, large = 0] = peaks;
      const growth = (large - small) / (middle - small);
      const hostsGrowth = ((sizes[2] ?? 0) - (sizes[0] ?? 0)) / ((sizes[1] ?? 0) - (sizes[0] ?? 0));
      process.stdout.write(
        `${form.padEnd(4)} memory grows ${growth.toFixed(1)}-fold while hosts grow ${hostsGrowth.toFixed(1)}-fold\n`,
      );
      if (growth > hostsGrowth * 1.3) isGood = false;
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  return isGood;
}

process.exitCode = (await main()) ? 0 : 1;
