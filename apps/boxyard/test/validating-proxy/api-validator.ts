/** Says how a request or an answer differs from the OpenAPI document. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, ApiAnswer>> };
}

interface ApiOperation {
  readonly operationId: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly explode?: boolean;
    readonly schema: object;
  }[];
  readonly requestBody?: { readonly required: boolean; readonly content: ApiContent };
  readonly responses: Readonly<Record<string, ApiAnswer & { readonly $ref?: string }>>;
}

interface ApiAnswer {
  readonly content?: ApiContent;
}

type ApiContent = Readonly<Record<string, { readonly schema: { readonly contentSchema?: object } }>>;

/** An operation that a request was matched to. */
export interface MatchedOperation {
  readonly operation: ApiOperation;
  readonly pointer: string;
  readonly pathValues: Readonly<Record<string, string>>;
}

const DOCUMENT = 'boxyard:document';
/** One step of a JSON pointer that is part of a URI. */
const step = (name: string) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
const mediaTypeOf = (header: string | undefined) => header?.split(';')[0]?.trim().toLowerCase();

export class ApiValidator {
  readonly #document: ApiDocument;
  readonly #values: Ajv2020;
  /** What is in an address is text; it is read as the type that its schema names. */
  readonly #texts: Ajv2020;
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(document: ApiDocument) {
    this.#document = document;
    // The document has more members than a schema; every schema in it is JSON Schema 2020-12.
    const options = { strict: false, allErrors: true, logger: false } as const;
    this.#values = new Ajv2020(options);
    this.#texts = new Ajv2020({ ...options, coerceTypes: true });
    for (const ajv of [this.#values, this.#texts]) {
      formats.default(ajv);
      ajv.addSchema({ ...document }, DOCUMENT);
    }
  }

  /** The most literal path wins, as it does in the server. */
  match(method: string, pathname: string): MatchedOperation | undefined {
    const found: MatchedOperation[] = [];
    for (const [template, methods] of Object.entries(this.#document.paths)) {
      const operation = methods[method.toLowerCase()];
      const pathValues = operation && valuesIn(template, pathname);
      if (pathValues) {
        const pointer = `paths/${step(template)}/${method.toLowerCase()}`;
        found.push({ operation, pointer, pathValues });
      }
    }
    return found.sort((a, b) => Object.keys(a.pathValues).length - Object.keys(b.pathValues).length)[0];
  }

  requestViolations(
    matched: MatchedOperation,
    query: URLSearchParams,
    contentType: string | undefined,
    body: Buffer,
  ): readonly string[] {
    const { operation, pointer, pathValues } = matched;
    const violations = [
      ...this.#parameterViolations(matched, 'path', pathValues),
      ...this.#parameterViolations(matched, 'query', queryValues(operation, query)),
    ];
    if (operation.requestBody === undefined) {
      return body.length === 0 ? violations : [...violations, 'request: has a body that is not declared'];
    }
    if (body.length === 0 && contentType === undefined) {
      return operation.requestBody.required ? [...violations, 'request: lacks its body'] : violations;
    }
    const type = mediaTypeOf(contentType) ?? 'none';
    if (!(type in operation.requestBody.content)) return [...violations, `request: is ${type}, not declared`];
    if (type !== 'application/json') return violations;
    return [
      ...violations,
      ...this.#json(`${pointer}/requestBody/content/${step(type)}/schema`, body, 'request'),
    ];
  }

  /** The declaration of an answer, or what is wrong with it already. */
  answer(
    matched: MatchedOperation,
    status: number,
    contentType: string | undefined,
  ): DeclaredAnswer | string {
    const { operation, pointer } = matched;
    const declared = [String(status), `${Math.floor(status / 100)}XX`].find(
      (key) => key in operation.responses,
    );
    if (declared === undefined) return `answer: the status ${status} is not declared`;
    const reference = operation.responses[declared]!.$ref?.slice(2);
    const answer = reference
      ? this.#document.components.responses[reference.split('/').at(-1)!]!
      : operation.responses[declared]!;
    const type = mediaTypeOf(contentType);
    const types = Object.keys(answer.content ?? {});
    if (type === undefined ? types.length > 0 : !types.includes(type)) {
      return `answer: is ${type ?? 'without a type'}, declared is ${types.join(' or ') || 'no content'}`;
    }
    const at = `${reference ?? `${pointer}/responses/${declared}`}/content/${step(type ?? '')}/schema`;
    return { type, at };
  }

  jsonViolations({ at }: DeclaredAnswer, body: Buffer): readonly string[] {
    return this.#json(at, body, 'answer');
  }

  eventViolations({ at }: DeclaredAnswer, data: string): readonly string[] {
    return this.#json(`${at}/contentSchema`, Buffer.from(data), 'event');
  }

  #parameterViolations(
    { operation, pointer }: MatchedOperation,
    place: 'path' | 'query',
    values: Readonly<Record<string, unknown>>,
  ): readonly string[] {
    const declared = operation.parameters
      .map((parameter, index) => ({ ...parameter, at: `${pointer}/parameters/${index}/schema` }))
      .filter((parameter) => parameter.in === place);
    const key = `${place} ${pointer}`;
    let validate = this.#compiled.get(key);
    if (validate === undefined) {
      validate = this.#texts.compile({
        type: 'object',
        properties: Object.fromEntries(
          declared.map(({ name, at }) => [name, { $ref: `${DOCUMENT}#/${at}` }]),
        ),
        required: declared.filter(({ required }) => required).map(({ name }) => name),
        additionalProperties: false,
      });
      this.#compiled.set(key, validate);
    }
    return this.#errorsOf(validate, structuredClone(values), place);
  }

  #json(at: string, body: Buffer, what: string): readonly string[] {
    let validate = this.#compiled.get(at);
    if (validate === undefined) {
      validate = this.#values.compile({ $ref: `${DOCUMENT}#/${at}` });
      this.#compiled.set(at, validate);
    }
    try {
      return this.#errorsOf(validate, JSON.parse(body.toString('utf8')), what);
    } catch (error) {
      return [`${what}: is no JSON: ${error}`];
    }
  }

  #errorsOf(validate: ValidateFunction, value: unknown, what: string): readonly string[] {
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${what}${instancePath}: ${message} ${JSON.stringify(params)}`,
    );
  }
}

export interface DeclaredAnswer {
  readonly type: string | undefined;
  /** Where its schema is, as a JSON pointer without its first slash. */
  readonly at: string;
}

function valuesIn(template: string, pathname: string): Readonly<Record<string, string>> | undefined {
  const wanted = template.split('/');
  const given = pathname.split('/');
  if (wanted.length !== given.length) return undefined;
  const values: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined ? part !== given[index] : given[index] === '') return undefined;
    if (name !== undefined) values[name] = decodeURIComponent(given[index]!);
  }
  return values;
}

/** A form that is exploded has its members as parameters of their own: `metadata.owner=ada`. */
function queryValues(operation: ApiOperation, query: URLSearchParams): Readonly<Record<string, unknown>> {
  const exploded = operation.parameters.find((parameter) => parameter.in === 'query' && parameter.explode);
  const values: Record<string, unknown> = {};
  for (const [name, value] of query) {
    if (exploded && name.startsWith(`${exploded.name}.`)) {
      values[exploded.name] = { ...(values[exploded.name] as object | undefined), [name]: value };
    } else values[name] = value;
  }
  return values;
}
