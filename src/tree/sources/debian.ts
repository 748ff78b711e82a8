// What mmdebstrap and debootstrap share: names of releases, and what their errors mean.

/** A sentence for what is no name of a release. */
export function suiteProblem(suite: string): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9_.+/-]*$/.test(suite)
    ? undefined
    : `suite: ${JSON.stringify(suite)} is no name of a release`;
}

export const aptRemedies: readonly (readonly [RegExp, string])[] = [
  [
    /NO_PUBKEY|is not signed|GPG error|Invalid Release signature|Release signed by unknown key|unable to verify|EXPKEYSIG|BADSIG|[Nn]o keyring/,
    "Name the file with the archive's keys as keyring (Debian's are in the package debian-archive-keyring).",
  ],
  [
    /does not have a Release file|404 {2}Not Found|[Nn]o such script|Failed getting release file/,
    "Check the name of the suite and the mirror's address.",
  ],
  [
    /Unable to locate package|has no installation candidate|Couldn't find these debs|Unable to find package/,
    "Check the names of the packages and whether the components have them.",
  ],
];
