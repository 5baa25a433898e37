/** From an answer that is no success to the one error class. */
import { BoxyardError } from './boxyard-error.ts';
import type { Problem, ProblemCode } from './generated/schemas.ts';

/** The server decides these before it looks at what is asked for. */
const REFUSED_AT_THE_DOOR = new Set<ProblemCode>([
  'invalid',
  'unauthenticated',
  'denied',
  'idempotency-mismatch',
  'rate-limited',
  'draining',
]);

/** Reads the body to its end. `attempts`: how often the request was sent. */
export async function errorOfAnswer(response: Response, attempts: number): Promise<BoxyardError> {
  const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'));
  const problem = problemIn(response, await response.text());
  const options = { status: response.status, retryAfterMs, attempts };
  if (problem === null) {
    return new BoxyardError(codeOfStatus(response.status), strangerDetail(response), {
      ...options,
      retryable: response.status === 429 || (response.status >= 502 && response.status <= 504),
      requestId: response.headers.get('x-request-id'),
    });
  }
  return new BoxyardError(problem.code, problem.detail, {
    ...options,
    retryable: problem.retryable,
    started: problem.started ?? (REFUSED_AT_THE_DOOR.has(problem.code) ? 'no' : 'unknown'),
    requestId: problem.requestId,
    stage: problem.stage ?? null,
    errors: problem.errors,
  });
}

function problemIn(response: Response, text: string): Problem | null {
  if (!/^application\/problem\+json\b/i.test(response.headers.get('content-type') ?? '')) return null;
  try {
    const problem = JSON.parse(text) as Partial<Problem>;
    return typeof problem.code === 'string' && typeof problem.detail === 'string'
      ? (problem as Problem)
      : null;
  } catch {
    return null;
  }
}

/** Something between us and the server has answered. */
const strangerDetail = (response: Response): string =>
  `The request was answered with ${response.status} and no problem document. Is ${new URL(response.url || 'about:blank').origin} a Boxyard server, and does a proxy stand in front of it?`;

function codeOfStatus(status: number): ProblemCode {
  switch (status) {
    case 401:
      return 'unauthenticated';
    case 403:
      return 'denied';
    case 404:
      return 'not-found';
    case 413:
      return 'too-large';
    case 429:
      return 'rate-limited';
    case 502:
    case 503:
    case 504:
      return 'unreachable';
    default:
      return status < 500 ? 'invalid' : 'internal';
  }
}

/** Seconds or a date (RFC 9110). Null for what is neither. */
function parseRetryAfter(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}
