// All sources of trees, in the order in which they are shown.

import type { AnySource } from "../source.js";
import { clone } from "./clone.js";
import { host } from "./host.js";
import { oci } from "./oci.js";
import { packageSources } from "./package-sources.js";
import { raw } from "./raw.js";
import { scratch } from "./scratch.js";
import { tarball } from "./tarball.js";

export const sources: readonly AnySource[] = [clone, ...packageSources, tarball, oci, raw, host, scratch];
