import type { Context } from 'hono';
import { ApiError } from './problem.ts';
import type { ApiEnvironment } from './request-context.ts';

/** Reads and parses a JSON body, and stops reading at its limit, whatever length the client declared. */
export async function readJsonBody(c: Context<ApiEnvironment>, maxBytes: number): Promise<unknown> {
  const type = c.req.header('content-type');
  if (type !== undefined && !/^application\/(?:[\w.+-]+\+)?json\b/i.test(type)) {
    throw new ApiError('invalid', `The body is ${type}, not JSON. Send it as application/json.`);
  }
  const bytes = await readLimited(c, maxBytes);
  // A POST without a body is the same as one with an empty object: every member may have a default.
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ApiError('invalid', 'The body is not valid JSON in UTF-8. Check its syntax.');
  }
}

async function readLimited(c: Context<ApiEnvironment>, maxBytes: number): Promise<Uint8Array> {
  const declared = Number(c.req.header('content-length') ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const tooLarge = (maxBytes: number) =>
  new ApiError(
    'too-large',
    `The body is longer than ${maxBytes} bytes. Send less, or use fs/content for files of any size.`,
  );
