// The parameters of a module, as data: types, defaults, aliases, rules.

/** Types of parameters; each knows how to convert what YAML or a template gave (see params.ts). */
export type ParamType =
  | "str"
  | "path"
  | "bool"
  | "int"
  | "float"
  | "list"
  | "dict"
  | "raw"
  /** Octal text (`"0644"`), symbolic (`u=rw,g-w,a+X`), or `preserve` where the module takes it: stays text, checked. */
  | "mode"
  /** Text or a structure, which becomes JSON text as Ansible does it. */
  | "content"
  /** A CEL condition or a list of them, evaluated before `plan`: value `Evaluated[]`. */
  | "condition"
  /** The name of a variable or an expression, evaluated before `plan`: value `Evaluated`. */
  | "expression";

/** An expression of the playbook and what it gave. */
export interface Evaluated {
  readonly text: string;
  readonly value: unknown;
  /** Why it has no value (undefined variable). */
  readonly error?: string;
}

export interface ParamSpec {
  readonly type: ParamType;
  readonly elements?: "str" | "path" | "int" | "dict" | "raw";
  readonly required?: boolean;
  readonly default?: string | number | boolean | readonly string[];
  readonly choices?: readonly (string | number)[];
  /** Of a number: the least and the most. */
  readonly range?: readonly [least: number, most: number];
  readonly aliases?: readonly string[];
  /** Of a dict: its keys, checked like params. Messages call them `param.key`. */
  readonly options?: ParamSpecs;
  /** Of a dict with options: the key that a single word stands for (`clone: base`). */
  readonly shortFor?: string;
  /** One or two sentences. */
  readonly doc: string;
  /** Value is masked everywhere. */
  readonly isSecret?: boolean;
  /** The value names a controller's file or directory: looked up as Ansible does and given as `context.sources[NAME]`. */
  readonly source?: {
    readonly folder: "files" | "templates" | "vars";
    /** Links beneath a directory are followed (but for one that leads back up); a name: unless this boolean param is false. */
    readonly followsLinks?: string | true;
    /** A file that is encrypted by vault is opened, unless this boolean param is false. */
    readonly decryptedBy?: string;
    /** Not looked up where this boolean param is true. */
    readonly unless?: string;
    /** Its text is rendered as a template first. */
    readonly isTemplate?: boolean;
    /** Value is a command line whose first word is the file (script). */
    readonly isCommandLine?: boolean;
  };
}

export type ParamSpecs = Readonly<Record<string, ParamSpec>>;

/** Rules over several parameters, Ansible's words. */
export interface ParamRules {
  readonly mutuallyExclusive?: readonly (readonly string[])[];
  readonly requiredTogether?: readonly (readonly string[])[];
  readonly requiredOneOf?: readonly (readonly string[])[];
  /** If param has value, then these are required (`any`: one of them is enough). */
  readonly requiredIf?: readonly {
    readonly param: string;
    readonly is: unknown;
    readonly needs: readonly string[];
    readonly any?: boolean;
  }[];
  readonly requiredBy?: Readonly<Record<string, readonly string[]>>;
}

type ElementOf<P extends ParamSpec> = P extends { elements: "int" }
  ? number
  : P extends { elements: "dict" }
    ? Readonly<Record<string, unknown>>
    : P extends { elements: "raw" }
      ? unknown
      : string;

type Bare<P extends ParamSpec> = P extends { options: infer O extends ParamSpecs }
  ? ParamsOf<O>
  : P["type"] extends "bool"
    ? boolean
    : P["type"] extends "int" | "float"
      ? number
      : P["type"] extends "list"
        ? readonly ElementOf<P>[]
        : P["type"] extends "dict"
          ? Readonly<Record<string, unknown>>
          : P["type"] extends "raw"
            ? unknown
            : P["type"] extends "condition"
              ? readonly Evaluated[]
              : P["type"] extends "expression"
                ? Evaluated
                : P extends { choices: readonly (infer C)[] }
                  ? C
                  : string;

/** The checked values that `observe` and `plan` get: defaults filled in, converted; undefined where not given. */
export type ParamsOf<S extends ParamSpecs> = {
  readonly [K in keyof S]: S[K] extends { required: true } | { default: string | number | boolean | readonly string[] }
    ? Bare<S[K]>
    : Bare<S[K]> | undefined;
};

/** All params with their names; keys of a dict as `param.key`. */
export function namedSpecs(specs: ParamSpecs): readonly (readonly [name: string, spec: ParamSpec])[] {
  return Object.entries(specs).flatMap(([name, spec]) => [
    [name, spec] as const,
    ...Object.entries(spec.options ?? {}).map(([key, one]) => [`${name}.${key}`, one] as const),
  ]);
}

/** The spec of a param, or of a key of one (`param.key`). */
export function specOf(specs: ParamSpecs, name: string): ParamSpec | undefined {
  const [param = "", key] = name.split(".");
  const spec = specs[param];
  return key === undefined ? spec : spec?.options?.[key];
}

/** The value of a param, or of a key of one (`param.key`). */
export function valueOf(params: Readonly<Record<string, unknown>>, name: string): unknown {
  const [param = "", key] = name.split(".");
  const value = params[param];
  if (key === undefined) return value;
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}
