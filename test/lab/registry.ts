// A registry of container images on loopback (docker-registry), gone with the scope.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Scope } from "./scope.js";

/** Of the user `puller`. */
export const registryPassword = "only for the lab";
const hashOfPassword = "$2y$05$abcdefghijklmnopqrstuu6yq8IYcgyU9nOef3bxmB8cSd6wT94wG";

/** Starts one; `hasLogin`: only `puller` gets in; `tls`: over TLS, with the files `registry.crt` and `registry.key` of that directory. Returns its address, `127.0.0.1:PORT`. */
export async function imageRegistry(
  scope: Scope,
  options: { readonly hasLogin?: boolean; readonly tls?: string } = {},
): Promise<string> {
  const { tls } = options;
  const directory = scope.tempDir("registry");
  const address = `127.0.0.1:${await freePort()}`;
  const file = join(directory, "config.yml");
  writeFileSync(join(directory, "users"), `puller:${hashOfPassword}\n`);
  writeFileSync(
    file,
    JSON.stringify({
      version: "0.1",
      log: { level: "error" },
      storage: { filesystem: { rootdirectory: join(directory, "images") } },
      http: {
        addr: address,
        ...(tls === undefined
          ? {}
          : { tls: { certificate: join(tls, "registry.crt"), key: join(tls, "registry.key") } }),
      },
      ...(options.hasLogin ? { auth: { htpasswd: { realm: "lab", path: join(directory, "users") } } } : {}),
    }),
  );
  const child = spawn("docker-registry", ["serve", file], {
    stdio: "ignore",
    env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  scope.defer(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  for (let tries = 0; !(await answers(address)); tries++) {
    if (tries > 100 || child.exitCode !== null) throw new Error("docker-registry did not come up");
    await sleep(50);
  }
  return address;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

function answers(address: string): Promise<boolean> {
  const [host = "", port = ""] = address.split(":");
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
