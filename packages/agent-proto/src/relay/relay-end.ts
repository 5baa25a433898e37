// How a stream ends, and what a close code or a refusal of the relay means for who dialled it.
import { ErrorCode, type StreamClose, StreamCloseReason, type StreamOpenAck } from '../messages.ts';
import { RelayCloseCode } from './close-code.ts';
import { RelayError, type RelayErrorCode } from './relay-error.ts';

/** How a stream ended. `error` is null when one of the sides closed it in good order. */
export interface RelayEnd {
  readonly reason: StreamCloseReason;
  readonly message: string;
  readonly error: RelayError | null;
}

export interface RelayFailure extends RelayEnd {
  readonly error: RelayError;
}

/** After these another attempt would only do harm. */
const FINAL_CODES: ReadonlySet<RelayErrorCode> = new Set([
  'not-allowed',
  'replaced',
  'fenced',
  'nobody-came',
  'rate-limited',
  'aborted',
  'closed',
]);

export const isFinal = ({ error }: RelayFailure): boolean => FINAL_CODES.has(error.code);

export function failure(code: RelayErrorCode, message: string, cause?: unknown): RelayFailure {
  return {
    reason: code === 'fenced' ? StreamCloseReason.FENCED : StreamCloseReason.TRANSPORT_ERROR,
    message,
    error: new RelayError(code, message, cause === undefined ? {} : { cause }),
  };
}

/** Of a websocket that closed without a goodbye. */
export function failureOfClose(code: number, reason: string): RelayFailure {
  switch (code) {
    case RelayCloseCode.unauthenticated:
      return failure('unauthenticated', 'The relay refused the token. Ask for a new one.');
    case RelayCloseCode.notAllowed:
      return failure(
        'not-allowed',
        `The relay does not allow this stream (${reason}). Ask for a token that does.`,
      );
    case RelayCloseCode.replacedOrFenced:
      return failure(
        'replaced',
        'Another connection took the place of this stream. Open it again if it is yours.',
      );
    default:
      return failure(
        'unreachable',
        `The relay is out of reach (websocket closed with ${code}). Check that it runs.`,
      );
  }
}

/** Of a refusal that says more than its close code; null when the close code says it all. */
export function failureOfRefusal({ error }: StreamOpenAck): RelayFailure | null {
  return error?.code === ErrorCode.FENCED ? fenced() : null;
}

/** Of a goodbye by the relay. */
export function endOfGoodbye({ reason, message }: StreamClose): RelayEnd {
  switch (reason) {
    case StreamCloseReason.FENCED:
      return fenced();
    case StreamCloseReason.TRANSPORT_ERROR:
      return failure('nobody-came', 'The other side of the stream did not come. Check that it still runs.');
    case StreamCloseReason.RATE_LIMITED:
      return failure('rate-limited', 'The relay ended the stream because it sent too much. Send less.');
    default:
      return { reason, message, error: null };
  }
}

const fenced = () =>
  failure(
    'fenced',
    'The session moved to another machine, so its streams here ended. Open one where it is now.',
  );
