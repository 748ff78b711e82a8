// ssh2, loaded when it is first needed: local runs do not pay for it. The only file that imports it.

export type { Client, ClientChannel, ConnectConfig, ParsedKey } from "ssh2";

export type Ssh2 = typeof import("ssh2");

export async function loadSsh2(): Promise<Ssh2> {
  return (await import("ssh2")).default;
}
