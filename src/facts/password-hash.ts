// Whether a text looks like a password's hash, as crypt(5) writes them.

/** Ansible's warning for what seems to be no hash; undefined where all is well. */
export function passwordWarning(password: string | undefined): string[] | undefined {
  if (!password || isHash(password)) return undefined;
  return [
    "The input password appears not to have been hashed. The 'password' argument must be encrypted for this module to work properly.",
  ];
}

function isHash(password: string): boolean {
  if (["*", "!", "*************"].includes(password)) return true;
  if (/[:*!]/.test(password)) return false;
  const fields = password.split("$");
  const last = fields.at(-1) ?? "";
  if (fields.length < 3 || /[^a-zA-Z0-9./=]/.test(last)) return false;
  const lengths: Readonly<Record<string, number>> = { "1": 22, "5": 43, "6": 86 };
  const length = lengths[fields[1] ?? ""];
  return length === undefined || last.length === length;
}
