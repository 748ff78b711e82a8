// Hashes passwords as crypt(3) does for $5$ and $6$ (https://www.akkadia.org/drepper/SHA-crypt.txt).

import { createHash, randomInt } from "node:crypto";
import { HelperError } from "./definition.js";

const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DEFAULT_ROUNDS = 5000;

interface Method {
  readonly id: string;
  readonly algorithm: string;
  readonly size: number;
}

const METHODS: Readonly<Record<string, Method>> = {
  sha256: { id: "5", algorithm: "sha256", size: 32 },
  sha512: { id: "6", algorithm: "sha512", size: 64 },
};

/** Methods that there are. */
export const passwordMethods: readonly string[] = Object.keys(METHODS);

/** A hash of 5000 rounds takes some 10 ms: the same question is asked for each target. */
const known = new Map<string, string>();

/** The method of that name. Throws a HelperError where there is none, or the salt cannot be one. */
export function checkMethod(method: string, salt: string | undefined): Method {
  const chosen = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined;
  if (!chosen) {
    throw new HelperError(
      `there is no method ${JSON.stringify(method)}`,
      "There are sha512 and sha256; md5 and blowfish are left out on purpose.",
    );
  }
  if (salt !== undefined && !/^[./0-9A-Za-z]{1,16}$/.test(salt))
    throw new HelperError("the salt must be 1 to 16 letters, digits, dots or slashes");
  return chosen;
}

export function passwordHash(
  password: string,
  method: string,
  salt: string | undefined,
  rounds: number | undefined,
  saltSize?: number,
): string {
  const used = salt ?? randomSalt(saltSize);
  const chosen = checkMethod(method, used);
  const count = rounds === undefined ? undefined : Math.min(999_999_999, Math.max(1000, Math.trunc(rounds)));
  const prefix = `$${chosen.id}$${count === undefined ? "" : `rounds=${count}$`}${used}$`;
  const key = `${prefix}\0${password}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const hash =
    prefix +
    encode(
      shaCrypt(chosen, Buffer.from(password, "utf8"), Buffer.from(used, "latin1"), count ?? DEFAULT_ROUNDS),
      chosen,
    );
  if (salt !== undefined) known.set(key, hash);
  return hash;
}

function randomSalt(length = 16): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}

function fill(digest: Buffer, length: number): Buffer {
  return Buffer.alloc(length, digest);
}

function shaCrypt({ algorithm, size }: Method, password: Buffer, salt: Buffer, rounds: number): Buffer {
  const hash = (...parts: Buffer[]): Buffer => {
    const sum = createHash(algorithm);
    for (const part of parts) sum.update(part);
    return sum.digest();
  };
  const b = hash(password, salt, password);
  const parts = [
    password,
    salt,
    fill(b, Math.floor(password.length / size) * size),
    b.subarray(0, password.length % size),
  ];
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? b : password);
  let a = hash(...parts);
  const p =
    password.length === 0
      ? Buffer.alloc(0)
      : fill(hash(...Array.from({ length: password.length }, () => password)), password.length);
  const s = fill(hash(...Array.from({ length: 16 + (a[0] ?? 0) }, () => salt)), salt.length);
  for (let round = 0; round < rounds; round++) {
    const isOdd = round % 2 === 1;
    const middle = [...(round % 3 ? [s] : []), ...(round % 7 ? [p] : [])];
    a = hash(isOdd ? p : a, ...middle, isOdd ? a : p);
  }
  return a;
}

/** Three bytes become four characters; which three, the specification's tables say. */
function encode(digest: Buffer, { size }: Method): string {
  const third = Math.floor(size / 3);
  let text = "";
  const put = (high: number, middle: number, low: number, count: number): void => {
    let word = (high << 16) | (middle << 8) | low;
    for (let left = count; left > 0; left--) {
      text += ALPHABET[word & 63] ?? "";
      word >>= 6;
    }
  };
  const at = (index: number): number => digest[index] ?? 0;
  let [x, y, z] = [0, third, 2 * third];
  for (let step = 0; step < third; step++) {
    put(at(x), at(y), at(z), 4);
    // sha512 rotates to the left from row to row, sha256 to the right.
    [x, y, z] = size === 64 ? [y + 1, z + 1, x + 1] : [z + 1, x + 1, y + 1];
  }
  if (size === 64) put(0, 0, at(63), 2);
  else put(0, at(31), at(30), 3);
  return text;
}
