// Looks of a plan as JSON: the probe that was asked, and the sight that must still be the same.

import type { DigestName, Probe } from "../module/probe.js";
import { FILE_TYPES } from "../wire/structs.js";
import { takeId, takeMode, takeRoot } from "./change-codec.js";
import { encodeExec, takeExec, type FindContent, type StoreContent } from "./exec-codec.js";
import { digest, type Fields, fields, flag, integer, listOf, oneOf, path, text, type Take } from "./fields.js";
import type { NamedState, Sight, State } from "./sight.js";

const PROBES = ["stat", "read", "hash", "list", "glob", "exec", "machine", "connect"] as const;
const DIGESTS: readonly DigestName[] = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];
const SIGHTS = ["path", "list", "many", "glob", "program", "machine", "connection", "failure"] as const;

export function encodeProbe(probe: Probe, store: StoreContent): unknown {
  return probe.kind === "exec" ? { ...probe, exec: encodeExec(probe.exec, store) } : probe;
}

export function takeProbe(find: FindContent): Take<Probe> {
  return fields((all) => probeIn(all, find));
}

function probeIn(all: Fields, find: FindContent): Probe {
  const kind = all.get("kind", oneOf(PROBES));
  if (kind === "machine") return { kind };
  if (kind === "connect") {
    const peer = { host: all.get("host", text), port: all.get("port", integer) };
    return { kind, ...peer, timeoutMs: all.get("timeoutMs", integer), ...all.maybe("limit", integer) };
  }
  const root = all.maybe("at", takeRoot);
  if (kind === "exec") {
    const exec = all.get("exec", takeExec(find));
    return {
      kind,
      ...root,
      exec,
      ...all.maybe("lines", text),
      ...all.maybe("isOfProcesses", flag),
      ...all.maybe("reads", listOf(text)),
    };
  }
  const at = { path: all.get("path", path), ...root };
  switch (kind) {
    case "stat":
      return {
        kind,
        ...at,
        ...all.maybe("follow", flag),
        ...all.maybe("withFlags", flag),
        ...all.maybe("withFileSystem", flag),
        ...all.maybe("isExact", flag),
      };
    case "read":
      return {
        kind,
        ...at,
        ...all.maybe("follow", flag),
        ...all.maybe("limit", integer),
        ...all.maybe("unlessSha256", digest),
        ...all.maybe("needles", listOf(text)),
      };
    case "hash":
      return { kind, ...at, ...all.maybe("follow", flag), algorithms: all.get("algorithms", takeDigests) };
    case "list":
      return {
        kind,
        ...at,
        depth: all.get("depth", integer),
        ...all.maybe("limit", integer),
        ...all.maybe("algorithms", takeDigests),
      };
    case "glob":
      return { kind, ...at };
  }
}

const takeDigests = listOf(oneOf(DIGESTS));

/** What lies at a path. Digests of lists may be of another algorithm than sha256. */
export const takeState = fields((all): State => ({
  type: all.get("type", oneOf(FILE_TYPES)),
  ...all.maybe("mode", takeMode),
  ...all.maybe("uid", takeId),
  ...all.maybe("gid", takeId),
  ...all.maybe("target", text),
  ...all.maybe("sha256", text),
  ...all.maybe("flags", integer),
  ...all.maybe("fileSystem", text),
  ...all.maybe("subvolume", text),
}));

const takeEntry = fields((all): NamedState => ({ name: all.get("name", text), state: all.get("state", takeState) }));

export const takeSight = fields((all): Sight => {
  const kind = all.get("kind", oneOf(SIGHTS));
  switch (kind) {
    case "path":
      return {
        kind,
        real: all.get("real", text),
        state: all.get("state", takeState),
        ...all.maybe("paragraphs", text),
      };
    case "list":
      return {
        kind,
        real: all.get("real", text),
        state: all.get("state", takeState),
        entries: all.get("entries", listOf(takeEntry)),
      };
    case "many":
      return {
        kind,
        real: all.get("real", text),
        state: all.get("state", takeState),
        count: all.get("count", integer),
        digest: all.get("digest", digest),
      };
    case "glob":
      return { kind, paths: all.get("paths", listOf(text)) };
    case "program":
      return { kind, end: all.get("end", text), output: all.get("output", digest) };
    case "machine":
      return { kind, name: all.get("name", text) };
    case "connection":
      return { kind, isOpen: all.get("isOpen", flag) };
    case "failure":
      return { kind, why: all.get("why", text) };
  }
});
