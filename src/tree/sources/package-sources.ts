// The sources that fill a tree with a distribution's own tools.

import type { AnySource } from "../source.js";
import { debootstrap } from "./debootstrap.js";
import { dnf } from "./dnf.js";
import { mmdebstrap } from "./mmdebstrap.js";
import { nix } from "./nix.js";
import { ostree } from "./ostree.js";
import { pacstrap } from "./pacstrap.js";
import { zypper } from "./zypper.js";

export const packageSources: readonly AnySource[] = [mmdebstrap, debootstrap, dnf, zypper, pacstrap, nix, ostree];
