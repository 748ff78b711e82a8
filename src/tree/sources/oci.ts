// A tree from a container image: its layers, one over the other.

import type { Context } from "../../module/contract.js";
import type { ParamSpecs, ParamsOf } from "../../module/param.js";
import type { ExecObservation, ExecProbe } from "../../module/probe.js";
import { bytesOf } from "../image/byte-size.js";
import { commonScript } from "../image/common-script.js";
import { fetchScript } from "../image/fetch-script.js";
import { imageArchitecture, imageProblem, registryOf, skopeoName } from "../image/oci-reference.js";
import { ociScript } from "../image/oci-script.js";
import {
  originIdentity,
  originIncidental,
  originParams,
  originProblem,
  originSteps,
  originWarnings,
  sizeProblem,
} from "../image/origin.js";
import { scriptSpec } from "../image/script.js";
import { toldRefusal, toldWarnings } from "../image/told.js";
import { unpackScript } from "../image/unpack-script.js";
import type { TreePlace } from "../place.js";
import { programOnHost } from "../program.js";
import { recipeHash, recipeOf } from "../recipe.js";
import { defineSource } from "../source.js";

const params = {
  image: {
    type: "str",
    doc:
      "The image: `REGISTRY/NAME:TAG` or `…@sha256:…` of a registry, or of the host `oci:/DIR:TAG` (a layout), `oci-archive:/FILE`, `docker-archive:/FILE` (docker save), `dir:/DIR`. " +
      "Instead of it `src`, `path` or `url` name an archive of either kind.",
  },
  ...originParams,
  reference: { type: "str", doc: "Which image of an archive with several (`src`, `path`, `url`)." },
  arch: {
    type: "str",
    doc: "The architecture in images' words (amd64, arm64). Default: the host's own; an image for another one is refused.",
  },
  variant: { type: "str", doc: "The variant of the architecture (v7)." },
  follow: {
    type: "bool",
    default: false,
    doc: "Look at each run what the name means by now: another image is told as a changed recipe is, and `recreate` takes it.",
  },
  username: { type: "str", doc: "For the registry, with `password`." },
  password: { type: "str", isSecret: true, doc: "For the registry." },
  authfile: { type: "path", doc: "A file of the host with credentials, as `podman login` writes it." },
  tls_verify: {
    type: "bool",
    default: true,
    doc: "false: also over http, or with a certificate that nobody vouches for.",
  },
  cert_dir: {
    type: "path",
    doc: "A directory of the host with certificates for the registry (`*.crt`, `*.cert`, `*.key`).",
  },
  devices: {
    type: "bool",
    default: false,
    doc: "Make the device nodes that it holds. Without it they are left out, with a warning.",
  },
} as const satisfies ParamSpecs;

type Given = ParamsOf<typeof params>;

const name = "oci";
const incidental = [
  ...originIncidental,
  "follow",
  "username",
  "password",
  "authfile",
  "tls_verify",
  "cert_dir",
] as const satisfies readonly (keyof Given)[];

/** Most runs find the tree there: they have to be quick. */
const unlessThere = `if [ "$FOLLOW" = no ] && [ -e "$TREE" ] && grep -q -F -e "$HASH" -- "$RECORD" 2>/dev/null; then exit; fi`;

const main = String.raw`
begin
if [ -z "$IMAGE" ]; then
  get
  check_sum
  check_signature
  find_image
fi
take_image
prepare
unpack_image
finish
`;

export const oci = defineSource({
  name,
  summary: "a container image: of a registry (skopeo), an OCI layout, or an archive (docker save, OCI)",
  withoutRoot: { takes: "one id" },
  params,
  shortFor: "image",
  incidental,
  examples: [
    { title: "A tree from a container image", yaml: "tree:\n  name: base\n  oci: registry.example.org/debian:12" },
    { title: "A tree from what docker save wrote", yaml: "tree:\n  name: base\n  oci: { path: /srv/app.tar }" },
  ],
  check: (given) => {
    const { image, src, path, url, username, password, authfile, reference, cert_dir } = given;
    if ((username === undefined) !== (password === undefined)) return "username and password are needed together";
    if (username !== undefined && authfile !== undefined) return "username and authfile exclude each other";
    if ([authfile, cert_dir].some((one) => one?.startsWith("/") === false))
      return "authfile and cert_dir must be absolute paths of the host";
    if (image === undefined) return originProblem(given);
    if (src !== undefined || path !== undefined || url !== undefined) return "image excludes src, path and url";
    if (reference !== undefined) return "reference belongs to an archive (src, path, url); image names its own";
    if (username !== undefined && imageProblem(image) === undefined && registryOf(image) === undefined)
      return `image: ${JSON.stringify(image)} names no registry, so it cannot be told whom the password is for: write REGISTRY/NAME`;
    return imageProblem(image) ?? sizeProblem(given.max_size);
  },
  identity: (given, { context }) => originIdentity(given, context.sources["oci.src"]),
  observe: (given, site) =>
    given.image === undefined ? {} : { image: lookProbe(given, given.image, site.place, site.context) },
  moved: ({ image, follow }, seen, { found }) => {
    if (!follow || seen.image === undefined) return undefined;
    const failure = toldRefusal("looking at the image", seen.image);
    if (failure)
      return { problem: `whether ${image} is still what it was made from cannot be told: ${failure.message}` };
    const look = readLook(seen.image);
    const was = found?.["digest"];
    if (!look || look.digest === was) return undefined;
    return { difference: `${image}: ${was ?? "an image that is not known"} → ${look.digest}` };
  },
  fill: (given, seen, into, { context }) => {
    const { image } = given;
    const architecture = architectureOf(given, context);
    const look = seen.image === undefined ? undefined : readLook(seen.image);
    const refusal =
      seen.image && (toldRefusal("looking at the image", seen.image) ?? wrongMachine(given, look, architecture));
    if (refusal) return { changes: [], refusal };
    const { changes, variables, credentials: login } = originSteps(given, context.sources["oci.src"], into);
    const spec = scriptSpec(
      [commonScript, fetchScript, ociScript, unpackScript, main],
      {
        ...variables,
        ...skopeoVariables(given, context),
        ...(image === undefined ? { IMAGE: "" } : { IMAGE: skopeoName(image, look?.digest), CALLED: image }),
        ...(given.reference === undefined ? {} : { REFERENCE: given.reference }),
        INTO: into,
        KIND: "layers",
        ...(given.devices ? { DEVICES: "yes" } : {}),
      },
      { credentials: image === undefined ? login : credentials(given) },
    );
    return {
      changes: image === undefined ? [...changes, programOnHost(spec)] : [programOnHost(spec)],
      warnings: image === undefined ? originWarnings(given) : [],
      ...(look ? { found: look } : {}),
      explain: (_index, outcome) => toldRefusal("unpacking the image", outcome),
      tell: (outcomes) => toldWarnings(outcomes.at(-1)),
    };
  },
});

/** Asks what the image is now, unless the tree is there and made of this recipe. */
function lookProbe(given: Given, image: string, place: TreePlace, context: Context): ExecProbe {
  const hash = recipeHash(recipeOf({ name, incidental }, given));
  const spec = scriptSpec(
    [commonScript, ociScript, "look_at_image"],
    {
      ...skopeoVariables(given, context),
      IMAGE: skopeoName(image),
      CALLED: image,
      TREE: place.path,
      RECORD: place.record,
      HASH: hash,
      FOLLOW: given.follow ? "yes" : "no",
    },
    { credentials: credentials(given), first: unlessThere },
  );
  return { kind: "exec", exec: { ...spec, timeoutMs: (Math.min(given.timeout, 120) + 5) * 1000 } };
}

function skopeoVariables(given: Given, context: Context): Readonly<Record<string, string>> {
  const { authfile, cert_dir, tls_verify, variant } = given;
  return {
    ARCH: architectureOf(given, context),
    TIMEOUT: String(given.timeout),
    MAX_SIZE: String(bytesOf(given.max_size) ?? 0),
    ...(variant === undefined ? {} : { VARIANT: variant }),
    ...(authfile === undefined ? {} : { AUTHFILE: authfile }),
    ...(cert_dir === undefined ? {} : { CERT_DIR: cert_dir }),
    ...(tls_verify ? {} : { INSECURE: "yes" }),
  };
}

function architectureOf(given: Given, context: Context): string {
  return given.arch ?? imageArchitecture(context.architecture);
}

/** What the registry's login is, as an authfile says it: on one line. */
function credentials({ image, username, password }: Given): string {
  if (username === undefined || password === undefined || image === undefined) return "";
  const registry = registryOf(image);
  if (registry === undefined) return "";
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  return JSON.stringify({ auths: { [registry]: { auth } } });
}

/** What was found of the image, for the record. */
interface Look extends Readonly<Record<string, string>> {
  readonly digest: string;
  readonly architecture: string;
  readonly system: string;
  /** Its environment, command, user and the like: JSON, for whoever wants to start what it was made for. */
  readonly config: string;
}

const configLimit = 32 * 1024;

function readLook(seen: ExecObservation): Look | undefined {
  const text = Buffer.from(seen.stdout).toString("utf8");
  const match = /^(\S*) (\S*) (sha256:[0-9a-f]{64})\n/.exec(text);
  if (!match) return undefined;
  const [line, architecture = "", system = "", digest = ""] = match;
  const config = readConfig(text.slice(line.length));
  return { digest, architecture, system, config: config.length > configLimit ? "" : config };
}

/** The part that says what to start: JSON again; nothing where it is none. */
function readConfig(text: string): string {
  try {
    const { config } = JSON.parse(text) as { readonly config?: unknown };
    return config === undefined ? "" : JSON.stringify(config);
  } catch {
    // It only goes into the record; what is unpacked does not depend on it.
    return "";
  }
}

function wrongMachine({ image, arch }: Given, look: Look | undefined, wanted: string) {
  if (!look || (look.architecture === wanted && look.system === "linux")) return undefined;
  const is = look.system === "linux" ? look.architecture : `${look.system}/${look.architecture}`;
  return {
    message: `the image ${image} is for ${is === "" ? "no architecture" : is}, not for ${wanted}`,
    remedy:
      arch === undefined
        ? `Take another image, or say arch: ${look.architecture} to take this one all the same.`
        : "Take another image, or correct arch.",
  };
}
