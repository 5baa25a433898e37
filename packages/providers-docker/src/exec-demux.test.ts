import { expect, test } from 'vitest';
import { ExecDemux } from './exec-demux.ts';

function frame(channel: 1 | 2, content: string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = channel;
  head.writeUInt32BE(Buffer.byteLength(content), 4);
  return Buffer.concat([head, Buffer.from(content)]);
}

test('frames come apart into both outputs, wherever the stream is cut', () => {
  const whole = Buffer.concat([
    frame(1, 'one'),
    frame(2, 'error'),
    frame(1, ''),
    frame(1, 'two'),
    frame(2, '!'),
  ]);
  for (let first = 0; first <= whole.length; first++) {
    for (const second of [first, Math.min(whole.length, first + 3), whole.length]) {
      const got = { out: '', error: '' };
      const demux = new ExecDemux(
        (bytes) => {
          got.out += Buffer.from(bytes).toString();
        },
        (bytes) => {
          got.error += Buffer.from(bytes).toString();
        },
      );
      for (const part of [whole.subarray(0, first), whole.subarray(first, second), whole.subarray(second)])
        demux.push(part);
      expect(got, `cut at ${first} and ${second}`).toEqual({ out: 'onetwo', error: 'error!' });
    }
  }
});
