import openapiTypescript, { astToString } from 'openapi-typescript';
import { GENERATED_NOTICE } from './generated-notice.ts';
import type { OpenApiDocument } from './openapi-document.ts';

/** The types of everything that is sent or answered, each under its own name. */
export async function renderSchemas(document: OpenApiDocument): Promise<string> {
  // Routes are rendered as methods; as types they would be three times as long and named by nobody.
  const schemasOnly = { ...document, paths: {} };
  const nodes = await openapiTypescript(JSON.stringify(schemasOnly), {
    rootTypes: true,
    rootTypesNoSchemaPrefix: true,
    // What has a default may be left out of a request.
    defaultNonNullable: false,
  });
  return `${GENERATED_NOTICE}\n${astToString(nodes)}`;
}
