// All helpers of templates and conditions, by name.

import { controllerHelpers } from "./controller.js";
import type { HelperTable } from "./definition.js";
import { encodingHelpers } from "./encode.js";
import { listHelpers } from "./lists.js";
import { logicHelpers } from "./logic.js";
import { mapHelpers } from "./maps.js";
import { numberHelpers } from "./numbers.js";
import { pathHelpers } from "./paths.js";
import { selectionHelpers } from "./select.js";
import { textHelpers } from "./text.js";

export { HelperError, type HelperDefinition } from "./definition.js";

export const helpers: HelperTable = {
  ...logicHelpers,
  ...textHelpers,
  ...numberHelpers,
  ...listHelpers,
  ...mapHelpers,
  ...encodingHelpers,
  ...pathHelpers,
  ...selectionHelpers,
  ...controllerHelpers,
};
