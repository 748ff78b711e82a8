// Names and passwords in addresses (`https://name:password@host/…`): taken out, for programs to get them where no other process looks.

/** A login in an address, decoded. */
export interface AddressLogin {
  /** `https://host:8443`. */
  readonly site: string;
  readonly name: string;
  readonly password: string;
}

const withLogin = /([A-Za-z][A-Za-z0-9+.-]*:\/\/)([^\s/@:]*):([^\s/@]*)@([^\s/?#]+)/g;

/** The text (an address, or words around one) without logins, and those. */
export function takeLogins(text: string): { readonly text: string; readonly logins: readonly AddressLogin[] } {
  const logins: AddressLogin[] = [];
  const rest = text.replace(withLogin, (_, scheme: string, name: string, password: string, host: string) => {
    logins.push({ site: `${scheme}${host}`, name: decoded(name), password: decoded(password) });
    return `${scheme}${host}`;
  });
  return { text: rest, logins };
}

/** Of several texts. */
export function takeAllLogins(texts: readonly string[]): {
  readonly texts: readonly string[];
  readonly logins: readonly AddressLogin[];
} {
  const all = texts.map(takeLogins);
  return { texts: all.map(({ text }) => text), logins: all.flatMap(({ logins }) => logins) };
}

/** A sentence for a login that a file of words cannot hold. */
export function loginProblem(what: string, texts: readonly string[] | undefined): string | undefined {
  const isOdd = takeAllLogins(texts ?? []).logins.some(({ name, password }) => /[\s\0]/.test(name + password));
  return isOdd ? `${what}: a name and a password in an address have no blanks here` : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that is one
  }
}
