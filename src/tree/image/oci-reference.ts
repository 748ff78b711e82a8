// Names of container images, as skopeo takes them.

/** Of the host's own files; others would ask a daemon or a store that may not be there. */
const transports = ["oci:", "oci-archive:", "docker-archive:", "dir:"];

/** Words of skopeo's that would be taken for a registry's name and tag. */
const otherTransport = /^(?:containers-storage|docker-daemon|ostree|sif|tarball|atomic):/;

const registryName =
  /^[A-Za-z0-9][A-Za-z0-9._-]*(?::\d+)?(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

/** A sentence for what is wrong with an image's name. */
export function imageProblem(image: string): string | undefined {
  const transport = transports.find((one) => image.startsWith(one));
  if (transport !== undefined) {
    return image.startsWith("/", transport.length)
      ? undefined
      : `image: behind ${transport} stands an absolute path of the host, not ${JSON.stringify(image.slice(transport.length))}`;
  }
  if (!otherTransport.test(image) && registryName.test(withoutScheme(image))) return undefined;
  return `image: ${JSON.stringify(image)} is no image of a registry (REGISTRY/NAME:TAG, NAME@sha256:…), nor ${transports.join(", ")} with a path`;
}

function withoutScheme(image: string): string {
  return image.startsWith("docker://") ? image.slice(9) : image;
}

/** The image as skopeo is given it. With a digest exactly that one is meant, whatever its tag means by now. */
export function skopeoName(image: string, digest?: string): string {
  if (transports.some((one) => image.startsWith(one))) return image;
  const [name = "", own] = withoutScheme(image).split("@");
  const pinned = own ?? digest;
  return pinned === undefined ? `docker://${name}` : `docker://${name.replace(/:[^:/]*$/, "")}@${pinned}`;
}

/** The registry that it names. Undefined: none, which is skopeo's own choice. */
export function registryOf(image: string): string | undefined {
  const [first = "", ...rest] = withoutScheme(image).split("/");
  return rest.length > 0 && (/[.:]/.test(first) || first === "localhost") ? first : undefined;
}

/** The kernel's names of machines in Go's words, which images use. */
const goNames: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  aarch64: "arm64",
  armv7l: "arm",
  armv6l: "arm",
  i686: "386",
  loongarch64: "loong64",
  mips64: "mips64le",
};

/** `amd64` for `x86_64`; names that are the same in both stay. */
export function imageArchitecture(machine: string): string {
  return goNames[machine] ?? machine;
}
