// A web server on loopback that gives the files beneath directories.
import { once } from "node:events";
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import type { Scope } from "./scope.js";

/** Serves each directory beneath its name; returns the address, as `http://127.0.0.1:PORT`. It ends with the scope. */
export async function fileServer(scope: Scope, directories: Readonly<Record<string, string>>): Promise<string> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname));
    const [, name = "", ...rest] = path.split("/");
    const directory = directories[name];
    const file = directory === undefined ? undefined : join(directory, ...rest);
    const status = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
    if (file === undefined || !status?.isFile()) {
      response.writeHead(404).end("not here\n");
      return;
    }
    response.writeHead(200, { "content-length": status.size, "last-modified": status.mtime.toUTCString() });
    if (request.method === "HEAD") response.end();
    else createReadStream(file).pipe(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
