import { OpChannel, type OpExit, OpExitSchema } from '@boxyard/agent-proto/messages';
import { OUTPUT_START } from '@boxyard/sandbox-core';
import { create } from '@bufbuild/protobuf';
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { expect, test } from 'vitest';
import { ChannelCounts } from './channel-counts.ts';
import { assertWhole } from './whole-stream.ts';

const sent = new TextEncoder().encode('what was sent');
const nothing = bytesToHex(blake3(new Uint8Array()));

function read(bytes: Uint8Array): ChannelCounts {
  const counts = new ChannelCounts('blake3');
  counts.add(OpChannel.STDOUT, bytes);
  return counts;
}

const exitOf = (change: Partial<OpExit> = {}): OpExit =>
  Object.assign(
    create(OpExitSchema, {
      digests: { stdout: bytesToHex(blake3(sent)), stderr: nothing },
      totals: { stdout: BigInt(sent.length), stderr: 0n },
    }),
    change,
  );

test('a stream is whole when counts and digests agree', () => {
  assertWhole(exitOf(), 'Reading', OUTPUT_START, read(sent));
  // After an agent was started again it can only vouch for what it has sent itself.
  const later = exitOf({ stdoutFrom: 5n, totals: { stdout: BigInt(sent.length - 5) } });
  assertWhole(later, 'Reading', OUTPUT_START, read(sent));
});

test.each([
  ['a byte is missing', exitOf(), sent.slice(1)],
  ['a byte is another', exitOf(), sent.map((byte, at) => (at === 3 ? byte ^ 1 : byte))],
  ['the end is missing after a restart', exitOf({ stdoutFrom: 5n }), sent],
])('it is damaged where %s', (_what, exit, bytes) => {
  expect(() => assertWhole(exit, 'Reading', OUTPUT_START, read(bytes))).toThrow(
    expect.objectContaining({ code: 'unreachable', message: expect.stringContaining('damaged') }),
  );
});

test('an output that the machine could not keep is said to be so', () => {
  expect(() =>
    assertWhole(exitOf({ failureCode: 'OP_OVERFLOW' }), 'Reading', OUTPUT_START, read(sent)),
  ).toThrow(expect.objectContaining({ code: 'quota', message: expect.stringContaining('OP_OVERFLOW') }));
});
