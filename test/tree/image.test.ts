// Names of images, sizes, where archives come from, and what scripts tell, each as tables.

import assert from "node:assert/strict";
import type { Outcome } from "../../src/module/change.js";
import { bytesOf } from "../../src/tree/image/byte-size.js";
import { imageArchitecture, imageProblem, registryOf, skopeoName } from "../../src/tree/image/oci-reference.js";
import { originProblem, type Origin } from "../../src/tree/image/origin.js";
import { toldRefusal, toldWarnings } from "../../src/tree/image/told.js";
import { oci } from "../../src/tree/sources/oci.js";

const digest = `sha256:${"a".repeat(64)}`;

describe("images of trees", () => {
  it("have names of registries, or of the host's files", () => {
    for (const image of [
      "debian",
      "debian:12",
      "library/debian",
      "registry.example.org:5000/a/b_c.d:1.2-3",
      "localhost/x",
      "docker://debian:12",
      `a/b@${digest}`,
      `a/b:1@${digest}`,
      "oci:/srv/l:x",
      "oci-archive:/a",
      "docker-archive:/a b:c",
      "dir:/d",
    ])
      assert.equal(imageProblem(image), undefined, image);
    for (const image of [
      "",
      "-debian",
      "--help",
      "a b",
      "a/../b",
      "a//b",
      "a/b:",
      "a@sha256:1",
      "a:b:c d",
      "docker-daemon:x",
      "oci:srv",
      "containers-storage:x",
      "oci-archive:../a",
      "http://a/b",
      "a\nb",
    ])
      assert.notEqual(imageProblem(image), undefined, image);
  });

  it("are what skopeo is given, by their digest where it is known", () => {
    const cases: readonly (readonly [string, string | undefined, string])[] = [
      ["debian:12", undefined, "docker://debian:12"],
      ["debian:12", digest, `docker://debian@${digest}`],
      ["docker://host:5000/a:1", digest, `docker://host:5000/a@${digest}`],
      ["host:5000/a", digest, `docker://host:5000/a@${digest}`],
      [`host:5000/a:1@${digest}`, `sha256:${"b".repeat(64)}`, `docker://host:5000/a@${digest}`],
      ["oci:/srv/l:x", digest, "oci:/srv/l:x"],
    ];
    for (const [image, known, name] of cases) assert.equal(skopeoName(image, known), name);
    assert.deepEqual(["debian", "library/debian", "host:5000/a", "docker://r.org/a/b", "localhost/x"].map(registryOf), [
      undefined,
      undefined,
      "host:5000",
      "r.org",
      "localhost",
    ]);
    assert.deepEqual(["x86_64", "aarch64", "riscv64"].map(imageArchitecture), ["amd64", "arm64", "riscv64"]);
  });

  it("have sizes as people write them", () => {
    const cases: readonly (readonly [string, number | undefined])[] = [
      ...([
        ["4096", 4096],
        ["10k", 10_240],
        ["1.5 GiB", 1_610_612_736],
        ["2T", 2_199_023_255_552],
      ] as const),
      ...([
        ["", undefined],
        ["-1", undefined],
        ["1E", undefined],
        ["ten", undefined],
        ["9999999P", undefined],
      ] as const),
    ];
    for (const [text, bytes] of cases) assert.equal(bytesOf(text), bytes, text);
  });

  it("come from one place, and are known to be the right ones", () => {
    const origin = (given: Partial<Origin>): Origin => ({
      src: undefined,
      path: undefined,
      url: undefined,
      checksum: undefined,
      signature: undefined,
      keyring: undefined,
      max_size: "1G",
      timeout: 60,
      ...given,
    });
    const good: readonly Partial<Origin>[] = [
      { src: "a.tar" },
      { path: "/a.tar" },
      { url: "https://a.org/x" },
      { url: "http://a.org/x", checksum: digest },
      { url: "http://a.org/x", signature: "http://a.org/x.sig", keyring: "/k" },
    ];
    for (const given of good) assert.equal(originProblem(origin(given)), undefined, JSON.stringify(given));
    const bad: readonly (readonly [Partial<Origin>, RegExp])[] = [
      [{}, /one of src/],
      [{ src: "a", path: "/a" }, /one of src/],
      [{ path: "a" }, /absolute/],
      [{ url: "file:///etc/passwd" }, /https/],
      [{ url: "-o/etc/passwd" }, /https/],
      [{ url: "http://a.org/x" }, /anybody on the way/],
      [{ path: "/a", checksum: "md5:aa" }, /checksum must be/],
      [{ path: "/a", checksum: "sha256:aa" }, /checksum must be/],
      [{ path: "/a", signature: "/s" }, /needed together/],
      [{ path: "/a", signature: "s", keyring: "/k" }, /signature must be/],
      [{ path: "/a", signature: "/s", keyring: "k" }, /keyring must be/],
      [{ path: "/a", max_size: "0" }, /max_size/],
      [{ path: "/a", max_size: "much" }, /max_size/],
    ];
    for (const [given, says] of bad) assert.match(originProblem(origin(given)) ?? "", says, JSON.stringify(given));
  });

  it("of containers: one of the ways to name them, logins whole", () => {
    const given = { max_size: "1G", timeout: 60, follow: false, tls_verify: true, devices: false };
    const bad: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
      [{}, /one of src/],
      [{ image: "a", path: "/a" }, /image excludes/],
      [{ image: "a", reference: "b" }, /reference belongs/],
      [{ image: "a", username: "u" }, /needed together/],
      [{ image: "a", username: "u", password: "p", authfile: "/a" }, /exclude/],
      [
        { image: "a/b", username: "u", password: "p" },
        /names no registry, so it cannot be told whom the password is for: write REGISTRY\/NAME/,
      ],
      [{ image: "a", authfile: "a" }, /absolute/],
      [{ image: "a", max_size: "x" }, /max_size/],
    ];
    for (const [more, says] of bad) assert.match(oci.check?.({ ...given, ...more }) ?? "", says, JSON.stringify(more));
    assert.equal(oci.check?.({ ...given, image: "a" }), undefined);
  });

  it("are told of in the words of the script, with the tool's before them, and not its own text", () => {
    const outcome = (stderr: string, value = 3, stdout = ""): Outcome => ({
      exit: { kind: "exited", value, wallMs: 1, cpuMs: 1 },
      stdout: Buffer.from(stdout),
      stderr: Buffer.from(stderr),
    });
    assert.deepEqual(toldRefusal("x", outcome("tar: bad\ncrun: it is broken\ncrun-remedy: Mend it.\n")), {
      message: "it is broken: tar: bad",
      remedy: "Mend it.",
      result: { cmd: "x", stdout: "", stderr: "" },
    });
    assert.equal(toldRefusal("x", outcome("sh: killed\n", 137))?.message, "x ended with 137: sh: killed");
    assert.equal(toldRefusal("x", outcome("", 0)), undefined);
    assert.deepEqual(toldWarnings(outcome("", 0)), []);
    const [warning = ""] = toldWarnings(outcome("", 0, 'left-out 1 "dev/a" \nleft-out 3 "dev/b" "dev/c d" "e" \n'));
    assert.match(warning, /^4 device nodes of the image \("dev\/a", …\) left out/);
  });
});
