/**
 * A route is declared once: its path, what it takes and what it answers. The declaration parses the request and
 * is also the API's document, so the two cannot differ.
 */
import type { Problem, Route } from '@boxyard/contracts';
import type { Context, Hono } from 'hono';
import type { z } from 'zod';
import type { ApiTag } from './api-tags.ts';
import { ApiError } from './problem.ts';
import { readJsonBody } from './request-body.ts';
import type { ApiEnvironment } from './request-context.ts';

export type ApiContext = Context<ApiEnvironment>;

export interface RouteDeclaration<Body extends z.ZodType, Query extends z.ZodType, Answer extends z.ZodType> {
  /** As in the permission table. */
  readonly route: Route;
  readonly tag: ApiTag;
  /** What the operation is called within its tag: `sessions.create` is its id, and the client's method. */
  readonly name: string;
  readonly summary: string;
  /**
   * When a client may send the same request again without asking. Every GET may be; anything else only where
   * doing it twice is the same as doing it once, by its nature or by a key that the client chose.
   */
  readonly repeatable?: 'always' | 'with-idempotency-key' | 'with-op-id';
  readonly body?: Body;
  /** For who shows no key: looked at before a byte of the body is read. */
  readonly guard?: (c: ApiContext) => void;
  /** Where the limit of the server is more than the body ever needs. */
  readonly maxBodyBytes?: number;
  readonly query?: Query;
  /** Names of the query that begin with this and a dot are a map: `metadata` for `metadata.owner=ada`. */
  readonly dottedQuery?: string;
  /** A raw request body of this media type instead of JSON. */
  readonly rawBody?: string;
  readonly status: 200 | 201 | 202 | 204;
  readonly answer?: Answer;
  /** A raw answer of this media type, or one of these, instead of JSON. */
  readonly rawAnswer?: string | readonly string[];
  /** A stream of server-sent events, each with one of these as its data; beside `answer`: for who accepts it. */
  readonly events?: z.ZodType;
  /** Answers of another status that are no problem documents. */
  readonly otherAnswers?: readonly OtherAnswer[];
  /** Names of request headers that the route understands. */
  readonly headers?: readonly string[];
}

export interface OtherAnswer {
  readonly status: 206 | 304 | 503;
  readonly summary: string;
  readonly answer?: z.ZodType;
  readonly rawAnswer?: string;
}

export interface RouteInput<Body extends z.ZodType, Query extends z.ZodType> {
  readonly body: z.output<Body>;
  readonly query: z.output<Query>;
}

/** Every declaration, in order; what the document is made from. */
export type DeclaredRoute = RouteDeclaration<z.ZodType, z.ZodType, z.ZodType>;

/** Holds the declared routes of one API. */
export class RouteTable {
  readonly #app: Hono<ApiEnvironment>;
  readonly #declared: DeclaredRoute[] = [];

  readonly #maxBodyBytes: number;

  constructor(app: Hono<ApiEnvironment>, options: { readonly maxBodyBytes: number }) {
    this.#app = app;
    this.#maxBodyBytes = options.maxBodyBytes;
  }

  get declared(): readonly DeclaredRoute[] {
    return this.#declared;
  }

  /** Answers with JSON of the declared shape, or with the Response that the handler made itself. */
  add<Body extends z.ZodType, Query extends z.ZodType, Answer extends z.ZodType>(
    declaration: RouteDeclaration<Body, Query, Answer>,
    handle: (input: RouteInput<Body, Query>, c: ApiContext) => Promise<z.input<Answer> | Response>,
  ): void {
    this.#declared.push(declaration);
    const [method, path] = declaration.route.split(' ') as [string, string];
    this.#app.on(method, path, async (c) => {
      declaration.guard?.(c);
      const maxBytes = Math.min(declaration.maxBodyBytes ?? Infinity, this.#maxBodyBytes);
      const input = {
        query: parse(declaration.query, queryOf(c), 'query'),
        body: declaration.body ? parse(declaration.body, await readJsonBody(c, maxBytes), 'body') : undefined,
      } as RouteInput<Body, Query>;
      const answer = await handle(input, c);
      if (answer instanceof Response) return answer;
      if (declaration.status === 204) return c.body(null, 204);
      return c.json(answer as object, declaration.status);
    });
  }
}

function queryOf(c: ApiContext): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, values] of Object.entries(c.req.queries())) {
    if (values.length > 1) {
      throw new ApiError('invalid', `The query names ${name} more than once. Name it once.`);
    }
    query[name] = values[0] ?? '';
  }
  return query;
}

function parse(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors: NonNullable<Problem['errors']> = parsed.error.issues.map((issue) => ({
    path: issue.path.map(String).join('.'),
    message: issue.message,
  }));
  const first = errors[0];
  const place = first?.path ? `${where}.${first.path}` : where;
  throw new ApiError(
    'invalid',
    `The request's ${place} is not valid: ${first?.message}. Correct it and send it again.`,
    {
      errors,
    },
  );
}
