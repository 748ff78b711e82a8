// Programs and contents as the JSON of a plan file; contents are named by their digest and stand once in the file.

import type { Content, ExecSpec } from "../module/probe.js";
import { digest, FieldFault, fields, flag, integer, listOf, mapOf, text, type Take } from "./fields.js";

/** Takes a content into the file; gives what stands in its place. */
export type StoreContent = (content: Content) => { readonly sha256: string; readonly size: number };

/** The content of a digest, if the file has it. */
export type FindContent = (sha256: string) => Content | undefined;

export function takeContent(find: FindContent): Take<Content> {
  const read = fields((all) => ({ sha256: all.get("sha256", digest), size: all.get("size", integer) }));
  return (value, at) => {
    const { sha256, size } = read(value, at);
    const content = find(sha256);
    if (!content) throw new FieldFault(at, `names the content ${sha256.slice(0, 12)}…, which the file lacks`);
    if (content.size !== size) throw new FieldFault(at, `says ${size} bytes of a content that has ${content.size}`);
    return content;
  };
}

/** JSON for a program. Input that is bytes stands as base64. */
export function encodeExec(exec: ExecSpec, store: StoreContent): unknown {
  const { stdin, files, ...rest } = exec;
  return {
    ...rest,
    ...(stdin === undefined ? {} : typeof stdin === "string" ? { stdin } : { stdinBytes: base64Of(stdin) }),
    ...(files === undefined ? {} : { files: files.map((one) => ({ ...one, content: store(one.content) })) }),
  };
}

export function takeExec(find: FindContent): Take<ExecSpec> {
  const file = fields((all) => ({
    name: all.get("name", text),
    mode: all.get("mode", integer),
    content: all.get("content", takeContent(find)),
  }));
  return fields((all): ExecSpec => {
    const { stdinBytes } = all.maybe("stdinBytes", bytes);
    return {
      argv: all.get("argv", words),
      ...all.maybe("environment", mapOf(text)),
      ...all.maybe("directory", text),
      ...all.maybe("user", text),
      ...all.maybe("stdin", text),
      ...(stdinBytes === undefined ? {} : { stdin: stdinBytes }),
      ...all.maybe("timeoutMs", integer),
      ...all.maybe("outputLimit", integer),
      ...all.maybe("umask", integer),
      ...all.maybe("files", listOf(file)),
      ...all.maybe("limits", mapOf(text)),
      ...all.maybe("allow", listOf(text)),
      ...all.maybe("pty", flag),
      ...all.maybe("killLeftovers", flag),
      ...all.maybe("hasLaxOwners", flag),
    };
  });
}

const words: Take<readonly string[]> = (value, at) => {
  const argv = listOf(text)(value, at);
  if (argv.length === 0) throw new FieldFault(at, "is empty: there is no program to run");
  return argv;
};

export function base64Of(data: Uint8Array): string {
  return Buffer.from(data).toString("base64");
}

/** Base64, in the one form that stands for the bytes. */
export const bytes: Take<Uint8Array> = (value, at) => {
  const encoded = text(value, at);
  const decoded = Buffer.from(encoded, "base64");
  if (decoded.toString("base64") !== encoded) throw new FieldFault(at, "is no base64");
  return decoded;
};
