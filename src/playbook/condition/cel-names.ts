// Names that mean something else in CEL than a variable.

/** Names that CEL gives a meaning of its own; variables so named are reached as `vars.NAME`. */
export const CEL_TYPE_NAMES: ReadonlySet<string> = new Set([
  "bool",
  "bytes",
  "double",
  "dyn",
  "int",
  "list",
  "map",
  "null_type",
  "string",
  "timestamp",
  "duration",
  "type",
  "uint",
  "optional",
  "cel",
]);
