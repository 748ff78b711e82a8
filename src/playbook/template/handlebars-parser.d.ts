// The parser of Handlebars alone: its compiler and helpers are not used, and take time to load.

declare module "handlebars/dist/cjs/handlebars/compiler/base.js" {
  /** The syntax tree of a template's text. Throws an Error with line and column. */
  export function parse(text: string): unknown;
}
