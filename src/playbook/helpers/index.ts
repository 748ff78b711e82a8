// All helpers of templates and conditions, by name, and by what they are for.

import { controllerHelpers } from "./controller.js";
import { dateHelpers } from "./dates.js";
import type { HelperTable } from "./definition.js";
import { encodingHelpers } from "./encode.js";
import { formatHelpers } from "./formats.js";
import { ipHelpers } from "./ip.js";
import { layoutHelpers } from "./layout.js";
import { listHelpers } from "./lists.js";
import { logicHelpers } from "./logic.js";
import { mapHelpers } from "./maps.js";
import { numberHelpers } from "./numbers.js";
import { pairHelpers } from "./pairs.js";
import { pathHelpers } from "./paths.js";
import { randomHelpers } from "./random.js";
import { regexHelpers } from "./regex.js";
import { selectionHelpers, setInnerHelpers } from "./select.js";
import { sequenceHelpers } from "./sequences.js";
import { textHelpers } from "./text.js";
import { typeHelpers } from "./types.js";
import { urlHelpers } from "./urls.js";
import { versionHelpers } from "./versions.js";

export { checkCall, checkLiterals, invoke } from "./call.js";
export {
  HelperError,
  limitMessage,
  NothingThere,
  UNKNOWN,
  type HelperDefinition,
  type HelperOptions,
} from "./definition.js";

/** Helpers by what they are for, in the order of the documentation. */
export const helperGroups: readonly { readonly title: string; readonly helpers: HelperTable }[] = [
  { title: "Defaults, comparisons, choices", helpers: { ...logicHelpers, ...versionHelpers } },
  { title: "What a value is", helpers: typeHelpers },
  { title: "Text", helpers: textHelpers },
  { title: "Layout of text", helpers: layoutHelpers },
  { title: "Regular expressions", helpers: regexHelpers },
  { title: "Numbers", helpers: numberHelpers },
  { title: "Lists", helpers: listHelpers },
  { title: "Items of lists, chosen and changed", helpers: selectionHelpers },
  { title: "Lists put together", helpers: { ...pairHelpers, ...sequenceHelpers } },
  { title: "Maps", helpers: mapHelpers },
  { title: "JSON, YAML, base64, hashes, passwords", helpers: encodingHelpers },
  { title: "TOML, INI, CSV", helpers: formatHelpers },
  { title: "Paths", helpers: pathHelpers },
  { title: "URLs and identifiers", helpers: urlHelpers },
  { title: "Addresses and networks", helpers: ipHelpers },
  { title: "Dates", helpers: dateHelpers },
  { title: "Choices by a seed", helpers: randomHelpers },
  { title: "The controller: environment, files, commands", helpers: controllerHelpers },
];

export const helpers: HelperTable = Object.assign({}, ...helperGroups.map((one) => one.helpers));

setInnerHelpers(helpers);
