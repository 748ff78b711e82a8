// Container images made by hand: layers byte by byte, and all that describes them, right or wrong on purpose.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

export interface LayerSpec {
  /** The tar archive. */
  readonly bytes: Buffer;
  /** Default true. */
  readonly isCompressed?: boolean;
  /** What the image says that the layer holds, instead of what it does: hex. */
  readonly diffId?: string;
  /** Bytes that lie in the layout under the layer's digest, instead of the layer. */
  readonly blob?: Buffer;
}

export interface ImageSpec {
  /** Tag in the layout. */
  readonly tag: string;
  readonly layers: readonly LayerSpec[];
  /** Default amd64. */
  readonly architecture?: string;
  /** Default linux. */
  readonly system?: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/**
 * Writes an OCI layout with these images. A `list` gives a tag to an index of several of them, by their tags. Returns the digests by tag
 * (`sha256:…`).
 */
export function ociLayout(
  directory: string,
  images: readonly ImageSpec[],
  list?: { readonly tag: string; readonly of: readonly string[] },
): Readonly<Record<string, string>> {
  mkdirSync(join(directory, "blobs/sha256"), { recursive: true });
  writeFileSync(join(directory, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const put = (bytes: Buffer, mediaType: string, blob = bytes): Descriptor => {
    const digest = sha256(bytes);
    writeFileSync(join(directory, "blobs/sha256", digest), blob);
    return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
  };
  const json = (value: unknown, type: string): Descriptor =>
    put(Buffer.from(JSON.stringify(value)), `application/vnd.oci.image.${type}.v1+json`);
  const tagged = images.map(({ tag, layers, architecture = "amd64", system = "linux", config = {} }) => {
    const described = layers.map(({ bytes, isCompressed = true, blob }) =>
      isCompressed
        ? put(gzipSync(bytes), "application/vnd.oci.image.layer.v1.tar+gzip", blob)
        : put(bytes, "application/vnd.oci.image.layer.v1.tar", blob),
    );
    const diffIds = layers.map(({ bytes, diffId }) => `sha256:${diffId ?? sha256(bytes)}`);
    const about = json({ architecture, os: system, config, rootfs: { type: "layers", diff_ids: diffIds } }, "config");
    const manifest = json({ schemaVersion: 2, config: about, layers: described }, "manifest");
    return { ...manifest, platform: { architecture, os: system }, tag };
  });
  const all = tagged.map(({ tag, ...descriptor }) => ({ ...descriptor, tag }));
  if (list) {
    const manifests = tagged.flatMap(({ tag, ...descriptor }) => (list.of.includes(tag) ? [descriptor] : []));
    const index = json({ schemaVersion: 2, manifests }, "index");
    all.push({ ...index, platform: { architecture: "", os: "" }, tag: list.tag });
  }
  const manifests = all.map(({ mediaType, digest, size, tag }) => ({
    mediaType,
    digest,
    size,
    annotations: { "org.opencontainers.image.ref.name": tag },
  }));
  writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  return Object.fromEntries(all.map(({ tag, digest }) => [tag, digest]));
}
