// Where an archive or a disk image comes from: a file of the controller or of the host, or a URL; and how it is known to be the right one.

import { takeAllLogins, takeLogins } from "../address-logins.js";
import { withoutPasswords } from "../sources/limits.js";
import type { Change } from "../../module/change.js";
import type { LocalSource } from "../../module/contract.js";
import type { ParamSpecs, ParamsOf } from "../../module/param.js";
import { bytesOf } from "./byte-size.js";

export const originParams = {
  src: {
    type: "path",
    doc: "A file of the controller, looked up like copy's `src`.",
    source: { folder: "files", followsLinks: true },
  },
  path: { type: "path", doc: "A file of the host: an absolute path." },
  url: {
    type: "str",
    doc: "Where the host fetches it (curl, else wget). Over http only with a checksum or a signature.",
  },
  checksum: {
    type: "str",
    doc: "What it must hold: `sha256:HEX` or `sha512:HEX`, of the file as it is, compressed or not.",
  },
  signature: {
    type: "str",
    doc: "A detached OpenPGP signature of the file: a URL, or a path of the host. Checked by gpgv.",
  },
  keyring: { type: "path", doc: "A file of the host with the keys that may have signed it, armored or not." },
  max_size: {
    type: "str",
    default: "64G",
    doc: "More is refused: of what is fetched, and of what it unpacks to in all. Each name counts as 4 KiB at least.",
  },
  timeout: { type: "int", default: 3600, doc: "Seconds that fetching may take, and unpacking as well." },
} as const satisfies ParamSpecs;

/** Keys that say how to get at it, not what it holds. */
export const originIncidental = ["max_size", "timeout", "signature", "keyring"] as const;

export type Origin = ParamsOf<typeof originParams>;

/** A sentence for what is wrong. */
export function originProblem({ src, path, url, checksum, signature, keyring, max_size }: Origin): string | undefined {
  if ([src, path, url].filter((one) => one !== undefined).length !== 1)
    return "one of src (a file of the controller), path (of the host) and url says where it is";
  if (path !== undefined && !path.startsWith("/")) return `path must be absolute, not ${JSON.stringify(path)}`;
  if (url !== undefined && !/^https?:\/\/[^\s/]/.test(url)) return `url must begin with https:// or http://`;
  if (checksum !== undefined && !/^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/i.test(checksum))
    return "checksum must be sha256: and 64 hex digits, or sha512: and 128";
  if ((signature === undefined) !== (keyring === undefined)) return "signature and keyring are needed together";
  if (signature !== undefined && !/^(?:\/|https?:\/\/)/.test(signature))
    return "signature must be a URL or an absolute path of the host";
  if (keyring?.startsWith("/") === false) return "keyring must be an absolute path of the host";
  if (url?.startsWith("http:") && checksum === undefined && signature === undefined)
    return "over http anybody on the way can give another file: add a checksum, or take https";
  return sizeProblem(max_size);
}

/** A sentence for what is wrong with `max_size`. */
export function sizeProblem(size: string): string | undefined {
  const bytes = bytesOf(size);
  return bytes === undefined || bytes === 0
    ? `max_size must be a size like 10G, not ${JSON.stringify(size)}`
    : undefined;
}

export function originWarnings({ url, checksum, signature }: Origin): string[] {
  return url !== undefined && checksum === undefined && signature === undefined
    ? [`nothing says what ${takeLogins(url).text} must hold: add a checksum`]
    : [];
}

/** Where scripts keep what they need, in the tree that is being made. */
export function boxPath(into: string): string {
  return `${into}/.crun-unpack`;
}

/**
 * What has to be on the host before the script runs, and the variables by which it finds it. `credentials` (scriptSpec): the addresses of the origin and its
 * signature whole, a tab between them, where they hold a login; the variables have them without.
 */
interface OriginSteps {
  readonly changes: readonly Change[];
  readonly variables: Readonly<Record<string, string>>;
  readonly credentials: string;
}

/** The steps of an origin. */
export function originSteps(origin: Origin, local: LocalSource | undefined, into: string): OriginSteps {
  const { src, path, url, checksum, signature, keyring, timeout } = origin;
  const variables = {
    TIMEOUT: String(timeout),
    ...(checksum === undefined ? {} : { CHECKSUM: checksum.toLowerCase() }),
    ...(signature === undefined || keyring === undefined
      ? {}
      : { SIGNATURE: takeLogins(signature).text, KEYRING: keyring }),
  };
  const addresses = [url ?? "", signature ?? ""];
  const credentials = takeAllLogins(addresses).logins.length === 0 ? "" : addresses.map(quotable).join("\t");
  if (url !== undefined) return { changes: [], variables: { ...variables, URL: takeLogins(url).text }, credentials };
  if (local?.kind !== "file")
    return { changes: [], variables: { ...variables, FILE: path ?? "", NAME: path ?? "" }, credentials };
  const file = `${boxPath(into)}/given`;
  return {
    changes: placed(local, into, file),
    variables: { ...variables, FILE: file, NAME: src ?? local.path },
    credentials,
  };
}

/** An address as curl's settings can hold it between quotes. */
function quotable(address: string): string {
  return address.replace(/["\\\s]/g, encodeURIComponent);
}

/** Lays a file of the controller into the tree that is being made, where nobody else gets at it. */
export function placed(local: Extract<LocalSource, { kind: "file" }>, into: string, file: string): readonly Change[] {
  const expect = { type: "absent" } as const;
  return [
    { kind: "makeDirectory", path: boxPath(into), mode: 0o700, uid: 0, gid: 0, expect },
    { kind: "writeFile", path: file, content: local.content, mode: 0o600, uid: 0, gid: 0, isSecret: true, expect },
  ];
}

/** What the file of the controller holds is what tells what the tree holds, not where it lies. */
export function originIdentity(
  { src, url, signature }: Origin,
  local: LocalSource | undefined,
): Readonly<Record<string, unknown>> {
  return {
    ...(url === undefined ? {} : { url: withoutPasswords(url) }),
    ...(signature === undefined ? {} : { signature: withoutPasswords(signature) }),
    ...(local?.kind === "file" ? { src, content: `sha256:${local.content.sha256}` } : {}),
  };
}
