import { expect, test } from 'vitest';
import { ReplyParser, type ShellReply } from './shell-frames.ts';

const MARK = '0123456789abcdef'.repeat(2);
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('latin1');
const seen = (reply: ShellReply) =>
  reply.kind === 'status'
    ? [reply.seq, reply.status, reply.text]
    : [reply.seq, text(reply.bytes), text(reply.second?.bytes)];

test('answers are the same wherever the stream is split, also when content looks like their end', () => {
  const first = `one\n${MARK.slice(0, 31)}\nM 9 ${MARK}\n\0`;
  const stream = Buffer.from(
    `R 1 0 ok\nM 2 ${MARK}\n${first}\n${MARK}\n\n${MARK}\nB 3 4\n\nR 9M 4 ${MARK}\n\n${MARK}\nR\n${MARK}\nR 5 1 \n`,
    'latin1',
  );
  const expected = [
    [1, 0, 'ok'],
    [2, first, ''],
    [3, '\nR 9', ''],
    [4, '', 'R'],
    [5, 1, ''],
  ];
  for (let at = 0; at <= stream.length; at++) {
    const parser = new ReplyParser();
    const replies = [...parser.push(stream.subarray(0, at)), ...parser.push(stream.subarray(at))];
    expect(replies.map(seen), `split at ${at}`).toEqual(expected);
  }
  const bytewise = new ReplyParser();
  expect([...stream].flatMap((byte) => bytewise.push(Uint8Array.of(byte))).map(seen)).toEqual(expected);
});

test('content without an end, and a head of no known form, are no answers', () => {
  const parser = new ReplyParser();
  parser.push(Buffer.from(`M 1 ${MARK}\n`));
  const flood = () => {
    for (let sent = 0; sent < 2 * 1024 * 1024; sent += 65_536) parser.push(new Uint8Array(65_536));
  };
  expect(flood).toThrow('without an end');
  for (const head of ['B 1 2 3', 'B 1 1048577', 'M 1 short', `M x ${MARK}`]) {
    expect(() => new ReplyParser().push(Buffer.from(`${head}\n`)), head).toThrow('no known form');
  }
});
