// Situations of host keys, with what ssh makes of each and what crun does: the table of host-keys.test.ts.

/** Kinds of host keys that the server has. */
export const types = ["ed25519", "ecdsa", "rsa"] as const;
type Type = (typeof types)[number];

/** What a host's key is signed with: options of ssh-keygen after `-s AUTHORITY -I ID`. */
export interface Certificate {
  readonly authority?: string;
  readonly of?: Type;
  readonly options?: readonly string[];
  readonly isUsers?: boolean;
}

/** One row: what the client knows, what the server shows, and what becomes of it. */
export interface Situation {
  readonly what: string;
  /** Lines of known_hosts; NAME is `[host]:port`, HOST the host alone, `KEY:x` a public key. */
  readonly known?: readonly string[];
  /** More lines of ssh_config. */
  readonly config?: readonly string[];
  /** None: the host shows plain keys. */
  readonly certificate?: Certificate;
  readonly acceptsNew?: boolean;
  readonly answers?: readonly string[];
  readonly ssh: "in" | "refused";
  /** Where it is not as ssh has it, it is stricter, and `why` says what for. */
  readonly crun?: "refused";
  readonly why?: string;
  /** What crun says where it refuses. */
  readonly says?: RegExp;
  /** How many lines known_hosts has afterwards. */
  readonly remembers?: number;
  readonly hashes?: boolean;
}

const authority = ["@cert-authority NAME KEY:ca"];
const known = ["NAME KEY:ed25519"];
/** The table. */
export const situations: readonly Situation[] = [
  { what: "known", known, ssh: "in" },
  {
    what: "unknown, nobody to ask",
    ssh: "refused",
    says: /not known \(ssh-ed25519 SHA256:[\s\S]*\[127\.0\.0\.1\]:\d+ ssh-ed25519 AAAA[\s\S]*--accept-new-host-keys/,
    remembers: 0,
  },
  { what: "unknown, asked for, yes", answers: ["yes"], ssh: "refused", remembers: 1 },
  { what: "unknown, StrictHostKeyChecking yes", config: ["StrictHostKeyChecking yes"], ssh: "refused", remembers: 0 },
  {
    what: "unknown, StrictHostKeyChecking accept-new",
    config: ["StrictHostKeyChecking accept-new"],
    ssh: "in",
    remembers: 1,
  },
  { what: "unknown, StrictHostKeyChecking no", config: ["StrictHostKeyChecking no"], ssh: "in", remembers: 1 },
  { what: "unknown, StrictHostKeyChecking off", config: ["StrictHostKeyChecking off"], ssh: "in", remembers: 1 },
  { what: "unknown, accepted by option", acceptsNew: true, ssh: "in", remembers: 1 },
  {
    what: "unknown, accepted, not to be remembered",
    config: ["StrictHostKeyChecking no", "UserKnownHostsFile /dev/null"],
    ssh: "in",
    remembers: 0,
  },
  {
    what: "unknown, accepted and hashed",
    config: ["HashKnownHosts yes"],
    acceptsNew: true,
    ssh: "in",
    remembers: 1,
    hashes: true,
  },
  { what: "unknown by a wrong option", config: ["StrictHostKeyChecking maybe"], ssh: "refused" },
  { what: "changed", known: ["NAME KEY:stranger"], ssh: "refused", says: /has changed[\s\S]*known-crun:1/ },
  {
    what: "changed, accept-new",
    known: ["NAME KEY:stranger"],
    acceptsNew: true,
    ssh: "refused",
    says: /has changed/,
    remembers: 1,
  },
  {
    what: "changed, StrictHostKeyChecking no",
    known: ["NAME KEY:stranger"],
    config: ["StrictHostKeyChecking no"],
    ssh: "in",
    crun: "refused",
    why: "a program that becomes root is not sent to who may stand in between",
    says: /has changed/,
  },
  { what: "another key of the same type is known, too", known: ["NAME KEY:stranger", ...known], ssh: "in" },
  { what: "known without the port", known: ["HOST KEY:ed25519"], ssh: "in" },
  { what: "changed without the port", known: ["HOST KEY:stranger"], ssh: "refused", says: /not known/ },
  {
    what: "known with the port, changed without it",
    known: ["HOST KEY:stranger", ...known],
    ssh: "in",
  },
  { what: "known at another port alone", known: ["[HOST]:1 KEY:ed25519"], ssh: "refused", says: /not known/ },
  { what: "known by a pattern", known: ["[127.0.0.?]:* KEY:ed25519"], ssh: "in" },
  { what: "named among others", known: ["other,NAME,third KEY:ed25519"], ssh: "in" },
  { what: "excluded by a negation", known: ["!NAME,!HOST,* KEY:ed25519"], ssh: "refused", says: /not known/ },
  { what: "known in another case's words", known: ["NAME,OTHER KEY:ed25519 # a comment"], ssh: "in" },
  { what: "only its RSA key is known", known: ["NAME KEY:rsa"], ssh: "in" },
  { what: "only its ECDSA key is known", known: ["NAME KEY:ecdsa"], ssh: "in" },
  { what: "all its keys are known", known: types.map((type) => `NAME KEY:${type}`), ssh: "in" },
  {
    what: "its ECDSA key has changed, its RSA key is known",
    known: ["NAME KEY:rsa", "NAME KEY:stranger"],
    ssh: "refused",
    says: /has changed/,
  },
  { what: "a line that makes no sense stands before", known: ["nonsense", "NAME ssh-rsa !!!", ...known], ssh: "in" },
  {
    what: "known under an alias",
    known: ["Some-Name KEY:ed25519"],
    config: ["HostKeyAlias some-name"],
    ssh: "in",
  },
  { what: "an alias in capitals", known: ["some-name KEY:ed25519"], config: ["HostKeyAlias Some-Name"], ssh: "in" },
  { what: "an alias that nothing is known of", known, config: ["HostKeyAlias some-name"], ssh: "refused" },
  {
    what: "an alias that is no name",
    config: ["HostKeyAlias a,b", "StrictHostKeyChecking accept-new"],
    ssh: "in",
    crun: "refused",
    why: "ssh writes a line that speaks for the hosts a and b",
    says: /no name that known_hosts can hold/,
    remembers: 0,
  },
  { what: "revoked", known: [...known, "@revoked NAME KEY:ed25519"], ssh: "refused", says: /revoked[\s\S]*:2/ },
  { what: "revoked for all", known: [...known, "@revoked * KEY:ed25519"], ssh: "refused", says: /revoked/ },
  { what: "another key is revoked", known: [...known, "@revoked * KEY:stranger"], ssh: "in" },
  {
    what: "revoked, StrictHostKeyChecking no",
    known: ["@revoked * KEY:ed25519"],
    config: ["StrictHostKeyChecking no"],
    ssh: "in",
    crun: "refused",
    why: "a key that somebody has revoked is nobody's any more",
    says: /revoked/,
  },
  { what: "in a list of revoked keys", known, config: ["RevokedHostKeys DIR/ed25519.pub"], ssh: "refused" },
  { what: "not in the list", known, config: ["RevokedHostKeys DIR/stranger.pub"], ssh: "in" },
  {
    what: "in a revocation list (KRL)",
    known,
    config: ["RevokedHostKeys DIR/krl"],
    ssh: "refused",
    says: /the host key is revoked .*\/krl/,
  },
  { what: "not in the KRL", known, config: ["RevokedHostKeys DIR/empty-krl"], ssh: "in" },
  {
    what: "a list that is missing",
    known,
    config: ["RevokedHostKeys DIR/nowhere"],
    ssh: "refused",
    says: /cannot be told[\s\S]*nowhere/,
  },
  { what: "a certificate", known: authority, certificate: {}, ssh: "in", remembers: 1 },
  {
    what: "a certificate for its name",
    known: authority,
    certificate: { options: ["-n", "x,127.0.0.1"] },
    ssh: "in",
  },
  { what: "a certificate of its RSA key", known: authority, certificate: { of: "rsa" }, ssh: "in" },
  { what: "a certificate of its ECDSA key", known: authority, certificate: { of: "ecdsa" }, ssh: "in" },
  {
    what: "a certificate by an RSA authority",
    known: ["@cert-authority NAME KEY:rsa-ca"],
    certificate: { authority: "rsa-ca", options: ["-t", "rsa-sha2-256"] },
    ssh: "in",
  },
  {
    what: "a certificate by an RSA authority with SHA-1",
    known: ["@cert-authority NAME KEY:rsa-ca"],
    certificate: { authority: "rsa-ca", options: ["-t", "ssh-rsa"] },
    ssh: "refused",
    says: /of a kind that is not taken \(ssh-rsa\)/,
  },
  {
    what: "a certificate by an ECDSA authority",
    known: ["@cert-authority NAME KEY:ecdsa-ca"],
    certificate: { authority: "ecdsa-ca", of: "rsa" },
    ssh: "in",
  },
  {
    what: "a certificate by a P-521 authority",
    known: ["@cert-authority NAME KEY:p521-ca"],
    certificate: { authority: "p521-ca" },
    ssh: "in",
  },
  {
    what: "an authority for a pattern without the port",
    known: ["@cert-authority 127.* KEY:ca"],
    certificate: {},
    ssh: "in",
  },
  {
    what: "an expired certificate",
    known: authority,
    certificate: { options: ["-V", "20200101:20210101"] },
    ssh: "refused",
    says: /has expired \(2021-01-01/,
  },
  {
    what: "a certificate that is not valid yet",
    known: authority,
    certificate: { options: ["-V", "20400101:20410101"] },
    ssh: "refused",
    says: /not valid before 2040-01-01/,
  },
  {
    what: "a certificate for another name",
    known: authority,
    certificate: { options: ["-n", "elsewhere"] },
    ssh: "refused",
    says: /good for elsewhere alone/,
  },
  {
    what: "a certificate for an alias",
    known: ["@cert-authority some-name KEY:ca"],
    config: ["HostKeyAlias some-name"],
    certificate: { options: ["-n", "some-name"] },
    ssh: "in",
  },
  {
    what: "a user's certificate",
    known: authority,
    certificate: { isUsers: true },
    ssh: "refused",
  },
  {
    what: "a certificate by an authority that is not known",
    known: authority,
    certificate: { authority: "other-ca" },
    ssh: "refused",
    says: /no authority that is known of it/,
  },
  {
    what: "a certificate by an authority for other hosts",
    known: ["@cert-authority *.example.org KEY:ca"],
    certificate: {},
    ssh: "refused",
    says: /not known/,
  },
  {
    what: "a certificate by a revoked authority",
    known: [...authority, "@revoked * KEY:ca"],
    certificate: {},
    ssh: "refused",
    says: /the authority of the host's certificate is revoked/,
  },
  {
    what: "a certificate by a revoked authority, the key known",
    known: [...known, "@revoked * KEY:ca"],
    certificate: {},
    ssh: "refused",
    says: /the authority of the host's certificate is revoked/,
  },
  {
    what: "a certificate of a revoked key",
    known: [...authority, "@revoked * KEY:ed25519"],
    certificate: {},
    ssh: "refused",
    says: /revoked/,
  },
  {
    what: "a certificate whose serial is in the KRL",
    known: authority,
    config: ["RevokedHostKeys DIR/serial-krl"],
    certificate: {},
    ssh: "refused",
    says: /revoked/,
  },
  {
    what: "an expired certificate, the key known",
    known: [...authority, ...known],
    certificate: { options: ["-V", "20200101:20210101"] },
    ssh: "in",
  },
  {
    what: "no certificate, where an authority is known",
    known: authority,
    ssh: "refused",
    says: /shows no certificate/,
    remembers: 1,
  },
  {
    what: "no certificate, where an authority is known, accept-new",
    known: authority,
    acceptsNew: true,
    ssh: "in",
    crun: "refused",
    why: "who has an authority for a host is not served by any key",
    says: /shows no certificate/,
    remembers: 1,
  },
];
