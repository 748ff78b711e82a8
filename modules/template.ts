// The module template: a file of the controller, filled with variables, brought to its place.

import { contentOf, digestOf } from "../src/module/content.js";
import type { Context, LocalSource } from "../src/module/contract.js";
import { defineModule } from "../src/module/contract.js";
import { encodeText, encodings } from "../src/module/encoding.js";
import { checkFileParams } from "../src/module/file-params.js";
import { accountProbes, readAccounts } from "../src/module/ownership.js";
import type { Placement } from "../src/module/place-file.js";
import { goalOf, planOnePlacement } from "../src/module/place-file.js";
import { placeParams, placeReturns } from "../src/module/place-params.js";
import { goalProbes, insideProbes, insideSeen, placePath } from "../src/module/place-probes.js";
import { baseName, checkAbsolute } from "../src/module/tree-path.js";
import { checkValidate } from "../src/module/validate-command.js";

const jinja = "Of Jinja2; crun's templates are Handlebars, whose syntax is fixed. Refused.";

export default defineModule({
  name: "template",
  summary: "Fills a template with variables and brings the result to a place in the tree",
  doc:
    "The template is a Handlebars file (`{{name}}`) beside the playbook or in the role's templates/. Its text is rendered on the controller and then " +
    "treated as copy treats a file. A block tag alone on its line leaves no line, and the last newline is kept.",
  params: {
    ...placeParams,
    src: {
      type: "path",
      required: true,
      doc: "The template: looked up in the role's templates/, then beside the playbook; or an absolute path.",
      source: { folder: "templates", isTemplate: true },
    },
    newline_sequence: {
      type: "str",
      choices: ["\\n", "\\r", "\\r\\n", "\n", "\r", "\r\n"],
      doc: "Ends every line of the result with this. Without it the newlines of the template stay.",
    },
    output_encoding: { type: "str", default: "utf-8", doc: `Encoding of the result: ${encodings.join(", ")}.` },
    trim_blocks: {
      type: "bool",
      default: true,
      doc: "Always so: a block tag alone on its line leaves no line. `false` is refused.",
    },
    lstrip_blocks: { type: "bool", default: true, doc: "Always so. `false` is refused." },
    block_start_string: { type: "str", doc: jinja },
    block_end_string: { type: "str", doc: jinja },
    variable_start_string: { type: "str", doc: jinja },
    variable_end_string: { type: "str", doc: jinja },
    comment_start_string: { type: "str", doc: jinja },
    comment_end_string: { type: "str", doc: jinja },
  },
  returns: placeReturns,
  check(params) {
    for (const name of ["block", "variable", "comment"] as const) {
      for (const end of ["start", "end"] as const) {
        if (params[`${name}_${end}_string`] !== undefined) {
          return `${name}_${end}_string belongs to Jinja2: crun's templates are Handlebars, whose syntax is fixed`;
        }
      }
    }
    if (!params.trim_blocks || !params.lstrip_blocks) {
      return "trim_blocks and lstrip_blocks are always on in Handlebars: write {{~ and ~}} where a template must control white space";
    }
    return (
      checkAbsolute("dest", params.dest) ??
      checkFileParams(params) ??
      checkValidate(params.validate) ??
      (encodeText("", params.output_encoding) === undefined
        ? `output_encoding ${params.output_encoding} is not known: crun has ${encodings.join(", ")}`
        : undefined)
    );
  },
  observe(params, context) {
    const place = placementOf(params, context);
    return { ...accountProbes, ...goalProbes(place ? [goalOf(place)] : [], params, context) };
  },
  observeMore(params, seen, context) {
    const isInside = seen.targets[0]?.stat?.type === "directory";
    const place = isInside ? placementOf(params, context, true) : undefined;
    return insideProbes(place ? goalProbes([goalOf(place)], params, context) : undefined);
  },
  plan(params, seen, context) {
    const isInside = seen.targets[0]?.stat?.type === "directory";
    const place = placementOf(params, context, isInside);
    if (!place) {
      return {
        changes: [],
        refusal: { message: `the result holds characters that ${params.output_encoding} does not have` },
      };
    }
    const accounts = readAccounts(seen);
    const plan = planOnePlacement(params, place, isInside ? insideSeen(seen) : seen, accounts, context);
    const bytes = place.content.bytes ?? new Uint8Array();
    const digests = { checksum: digestOf("sha1", bytes), md5sum: digestOf("md5", bytes) };
    return { ...plan, result: { src: context.sources.src?.path, ...digests, ...plan.result } };
  },
  examples: [
    {
      title: "A configuration file that only its daemon may read",
      yaml: `- template:
    src: app.conf.hbs
    dest: /etc/app.conf
    owner: root
    group: daemon
    mode: "0640"`,
    },
    {
      title: "Check the new sudoers file before it replaces the old one",
      yaml: `- template:
    src: sudoers.hbs
    dest: /etc/sudoers
    mode: "0440"
    validate: visudo -cf %s
    backup: true`,
    },
  ],
});

/** The rendered file and where it goes; undefined where the encoding lacks a character. */
function placementOf(
  params: { readonly dest: string; readonly newline_sequence: string | undefined; readonly output_encoding: string },
  context: Context,
  isInside = false,
): Placement | undefined {
  const source: LocalSource | undefined = context.sources.src;
  if (source?.kind !== "file") return undefined;
  const text = Buffer.from(source.content.bytes ?? []).toString("utf8");
  const bytes = encodeText(withNewlines(text, params.newline_sequence), params.output_encoding);
  if (!bytes) return undefined;
  return {
    path: placePath(params.dest, baseName(source.path), isInside),
    mode: source.mode,
    content: source.content.isSecret ? { ...contentOf(bytes), isSecret: true } : contentOf(bytes),
  };
}

function withNewlines(text: string, sequence: string | undefined): string {
  if (sequence === undefined) return text;
  const newline = sequence.replace("\\r", "\r").replace("\\n", "\n");
  return text.replace(/\r\n|\r|\n/g, newline);
}
