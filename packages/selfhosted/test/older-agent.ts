// An agent as others wrote it: it knows the protocol without our additions. What has a number from 100 on is not there
// for it, and an op that it does not know it refuses.

import { decodeRequest, decodeResponse, encodeResponse } from '@boxyard/agent-proto';
import {
  AgentErrorSchema,
  ControlRequestSchema,
  ControlResponseSchema,
  ErrorCode,
  type Hello,
  HelloSchema,
  OpAckSchema,
  OpFrameSchema,
} from '@boxyard/agent-proto/messages';
import { create, type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { AgentTransport } from '../src/server/index.ts';

const OWN_NUMBERS = 100;
const OPS: ReadonlySet<string> = new Set(['opStart', 'opCancel', 'opQuery', 'opAttach', 'writeChunk']);

/** Takes away every field of ours, however deep. */
function strip(desc: DescMessage, message: Message): void {
  const view = reflect(desc, message);
  for (const field of desc.fields) {
    if (!view.isSet(field)) continue;
    if (field.number >= OWN_NUMBERS) view.clear(field);
    else if (field.fieldKind === 'message') strip(field.message, view.get(field).message);
    else if (field.fieldKind === 'list' && field.listKind === 'message') {
      for (const item of view.get(field)) strip(field.message, (item as { message: Message }).message);
    }
  }
}

function without<Desc extends DescMessage>(desc: Desc, payload: Uint8Array): Uint8Array {
  const message = fromBinary(desc, payload);
  strip(desc, message);
  return toBinary(desc, message);
}

/** @param ops Whether it knows ops at all. */
export function olderAgent(transport: AgentTransport, ops: boolean): AgentTransport {
  return {
    maxPayload: () => transport.maxPayload(),
    onRestored: (tell) => transport.onRestored(tell),
    publish: (kind, payload) => transport.publish(kind, payload),
    sendFrame: (streamId, payload) => transport.sendFrame(streamId, without(OpFrameSchema, payload)),
    onAck: (handle) => transport.onAck((id, payload) => handle(id, without(OpAckSchema, payload))),
    onRequest: (handle) =>
      transport.onRequest((payload, reply) => {
        const request = decodeRequest(payload);
        const name = request?.op.case ?? '';
        const number = ControlRequestSchema.fields.find((field) => field.localName === name)?.number ?? 0;
        if (request === null || number >= OWN_NUMBERS || (!ops && OPS.has(name))) {
          const error = create(AgentErrorSchema, { code: ErrorCode.UNSUPPORTED, message: `no ${name}` });
          const requestId = request?.requestId ?? '';
          reply(encodeResponse(create(ControlResponseSchema, { requestId, error }), name, 1024 * 1024));
          return;
        }
        handle(without(ControlRequestSchema, payload), (answer) => {
          const response = decodeResponse(answer);
          if (response?.error !== undefined) response.error.detail = errnoOnly(response.error.detail);
          reply(
            response === null
              ? answer
              : without(ControlResponseSchema, toBinary(ControlResponseSchema, response)),
          );
        });
      }),
  };
}

/** What such an agent says of itself. */
export function olderHello(hello: Hello, ops: boolean): Hello {
  const bytes = without(HelloSchema, toBinary(HelloSchema, hello));
  const older = fromBinary(HelloSchema, bytes);
  if (older.capabilities !== undefined) older.capabilities.opStream = ops;
  return older;
}

const errnoOnly = ({ errno }: Record<string, string>): Record<string, string> =>
  errno === undefined ? {} : { errno };
