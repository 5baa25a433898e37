/** The first line of every generated file. */
export const GENERATED_NOTICE =
  '// Made from the served OpenAPI document by `pnpm run docs`. Not to be edited: the document is the source.';
