// Writes test/wire/vectors.json anew: `node build/test/wire/write-vectors.js`, after a change of the protocol.

import { writeFileSync } from "node:fs";
import { vectorsToJson } from "./vector-codec.js";
import { VECTORS } from "./vector-messages.js";

writeFileSync(new URL("../../../test/wire/vectors.json", import.meta.url), vectorsToJson(VECTORS));
