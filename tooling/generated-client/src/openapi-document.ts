/** The parts of an OpenAPI 3.1 document that the generator reads; every other part is passed on as it is. */
export interface OpenApiDocument {
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly [string];
  readonly 'x-permission': string;
  readonly 'x-repeatable': string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

export type Content = Readonly<Record<string, { readonly schema: Schema }>>;

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly additionalProperties?: unknown;
  readonly contentSchema?: Schema;
}

/** An operation with where it is served. */
export interface Route {
  readonly operation: Operation;
  readonly method: string;
  readonly path: string;
  readonly tag: string;
  /** The method of its group: `create` of `sessions.create`. */
  readonly name: string;
}

export function routesOf(document: OpenApiDocument): readonly Route[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const [tag, name, ...rest] = operation.operationId.split('.');
      if (tag === undefined || name === undefined || rest.length > 0 || tag !== operation.tags[0]) {
        throw new Error(
          `The operationId ${operation.operationId} is not <its tag>.<name>: correct the route.`,
        );
      }
      return { operation, method: method.toUpperCase(), path, tag, name };
    }),
  );
}

export const pathParameters = ({ path }: Route): readonly string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
