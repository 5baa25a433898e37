// Replies that no machine has sent: what is said in its place when it could not be reached.

import { encodeRequest, PayloadTooLargeError } from '@boxyard/agent-proto';
import {
  type AgentError,
  AgentErrorSchema,
  type ControlRequest,
  type ControlResponse,
  ControlResponseSchema,
  ErrorCode,
} from '@boxyard/agent-proto/messages';
import { create } from '@bufbuild/protobuf';

/** In the detail of an error: nothing has left this process, so the same request may be made again. */
export const NEVER_SENT = '_never_sent';

export function offlineAgentError(message = 'The machine is not connected.', neverSent = false): AgentError {
  return create(AgentErrorSchema, {
    code: ErrorCode.AGENT_OFFLINE,
    message,
    retryable: false,
    detail: neverSent ? { [NEVER_SENT]: '1' } : {},
  });
}

export function timeoutAgentError(message = 'The machine did not answer in time.'): AgentError {
  return create(AgentErrorSchema, { code: ErrorCode.TIMEOUT, message, retryable: true });
}

export function protocolAgentError(message: string): AgentError {
  return create(AgentErrorSchema, { code: ErrorCode.PROTOCOL, message, retryable: false });
}

function tooLargeAgentError(op: string, encodedBytes: number, maxPayload: number): AgentError {
  return create(AgentErrorSchema, {
    code: ErrorCode.PAYLOAD_TOO_LARGE,
    message: `The request ${op} has ${encodedBytes} bytes, the bus takes ${maxPayload}.`,
    retryable: false,
    detail: { op, encoded_bytes: String(encodedBytes), max_payload: String(maxPayload) },
  });
}

/** The request as it travels, or what is answered in the machine's place when the bus takes none of its size. */
export function encodedOrRefused(
  request: ControlRequest,
  maxPayload: number,
): { readonly payload: Uint8Array } | { readonly refused: ControlResponse } {
  try {
    return { payload: encodeRequest(request, maxPayload) };
  } catch (error) {
    if (!(error instanceof PayloadTooLargeError)) throw error;
    const { op, encodedBytes } = error;
    return {
      refused: failedResponse(request.requestId, tooLargeAgentError(op, encodedBytes, error.maxPayload)),
    };
  }
}

export function failedResponse(requestId: string, error: AgentError): ControlResponse {
  return create(ControlResponseSchema, { requestId, error });
}

export const offlineControlResponse = (requestId: string): ControlResponse =>
  failedResponse(requestId, offlineAgentError());

export const timeoutControlResponse = (requestId: string): ControlResponse =>
  failedResponse(requestId, timeoutAgentError());
