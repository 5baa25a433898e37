import { expect, test } from 'vitest';
import type { z } from 'zod';
import { FsListRequest, FsReadRequest, FsWriteRequest } from './files.ts';
import { GitDiffRequest, GitLogRequest, GitShowRequest } from './git.ts';
import { OpKillRequest, OpStreamId, OpStreamQuery } from './op.ts';
import { PageQuery } from './page.ts';
import { Port, PortParam } from './port.ts';
import { PtyOpenRequest, PtyResizeRequest } from './pty.ts';
import { TerminalExecRequest } from './terminal-exec.ts';

const MIB = 1024 * 1024;
const ptyId = '0197a3b2-7c44-7d21-8a10-3f5e6b7c8d90';

interface Bound {
  readonly schema: z.ZodType;
  readonly rest?: object;
  readonly member: string;
  readonly min: number;
  readonly max: number;
  readonly absent?: number;
}

const bounds: Bound[] = [
  { schema: FsListRequest, member: 'depth', min: 0, max: 8, absent: 1 },
  { schema: FsListRequest, member: 'maxEntries', min: 1, max: 20_000, absent: 2000 },
  { schema: FsReadRequest, rest: { path: 'a' }, member: 'maxBytes', min: 1, max: 25 * MIB, absent: 5 * MIB },
  { schema: GitDiffRequest, member: 'contextLines', min: 0, max: 10, absent: 3 },
  { schema: GitDiffRequest, member: 'maxBytesPerFile', min: 1, max: 2 * MIB, absent: MIB / 2 },
  { schema: GitShowRequest, member: 'maxBytesPerFile', min: 1, max: 2 * MIB, absent: MIB / 2 },
  { schema: GitLogRequest, member: 'maxCount', min: 1, max: 1000, absent: 100 },
  {
    schema: TerminalExecRequest,
    rest: { command: ':' },
    member: 'timeoutMs',
    min: 1,
    max: 86_400_000,
    absent: 30_000,
  },
  {
    schema: TerminalExecRequest,
    rest: { command: ':' },
    member: 'waitMs',
    min: 0,
    max: 60_000,
    absent: 60_000,
  },
  {
    schema: TerminalExecRequest,
    rest: { command: ':' },
    member: 'maxOutputBytes',
    min: 1,
    max: 64 * MIB,
    absent: 8 * MIB,
  },
  { schema: PtyOpenRequest, member: 'cols', min: 1, max: 500, absent: 80 },
  { schema: PtyOpenRequest, member: 'rows', min: 1, max: 300, absent: 24 },
  { schema: PtyResizeRequest, rest: { ptyId, rows: 1 }, member: 'cols', min: 1, max: 500 },
  { schema: PtyResizeRequest, rest: { ptyId, cols: 1 }, member: 'rows', min: 1, max: 300 },
  { schema: OpKillRequest, member: 'graceMs', min: 0, max: 60_000, absent: 2000 },
  { schema: PageQuery, member: 'limit', min: 1, max: 200, absent: 50 },
];

test.each(bounds)('$member is $min to $max, else refused', ({ schema, rest, member, min, max, absent }) => {
  const accepts = (value: unknown) => schema.safeParse({ ...rest, [member]: value }).success;
  expect([accepts(min), accepts(max)]).toEqual([true, true]);
  expect([min - 1, max + 1, min + 0.5, Number.NaN, null, [max, max]].filter(accepts)).toEqual([]);
  if (absent !== undefined) expect(schema.parse({ ...rest })).toMatchObject({ [member]: absent });
});

test('a body with an unknown member is refused, so that a misspelt limit is not ignored', () => {
  const bodies = [
    [FsListRequest, {}],
    [FsWriteRequest, { path: 'a', content: '' }],
    [GitDiffRequest, {}],
    [TerminalExecRequest, { command: ':' }],
    [PtyOpenRequest, {}],
  ] as const;
  for (const [schema, body] of bodies) {
    expect(schema.safeParse(body).success).toBe(true);
    expect(schema.safeParse({ ...body, maxDepth: 3 }).success).toBe(false);
  }
});

test('defaults are what a careful reader expects', () => {
  expect(FsListRequest.parse({})).toEqual({ path: '', depth: 1, maxEntries: 2000, includeHidden: true });
  expect(FsWriteRequest.parse({ path: 'a', content: '' })).toEqual({
    path: 'a',
    content: '',
    encoding: 'utf8',
    overwrite: true,
    createParents: true,
  });
  expect(TerminalExecRequest.parse({ command: ':' })).toMatchObject({
    cwd: '',
    encoding: 'utf8',
    background: false,
    emitStream: true,
  });
});

test('an etag that is not ours never reaches a box', () => {
  const write = (ifMatch: string) => FsWriteRequest.safeParse({ path: 'a', content: '', ifMatch }).success;
  expect(write(`sha256-${'a'.repeat(64)}`)).toBe(true);
  expect(write('st-1700000000000000000-12-34')).toBe(true);
  for (const etag of ['*', '"x"', 'sha256-xyz', 'st-1-2', 'W/"1"']) expect(write(etag)).toBe(false);
});

test('a git option never passes for a revision', () => {
  expect(GitDiffRequest.safeParse({ fromRef: '--output=x' }).success).toBe(false);
  expect(GitLogRequest.safeParse({ ref: '--output=x' }).success).toBe(false);
  expect(GitShowRequest.safeParse({ ref: '--output=x' }).success).toBe(false);
});

test('a port is 1 to 65535, in a path as plain digits', () => {
  expect([1, 65_535].map((port) => Port.safeParse(port).success)).toEqual([true, true]);
  expect([0, 65_536, 1.5, -1, '80'].filter((port) => Port.safeParse(port).success)).toEqual([]);
  expect(PortParam.parse('8080')).toBe(8080);
  const refused = ['0', '65536', '99999', '080', '1e3', '0x50', ' 80', '80 ', '-1', '', 'http'];
  expect(refused.filter((port) => PortParam.safeParse(port).success)).toEqual([]);
});

test('a reader of an op says where it stands in a query or by the last id it saw', () => {
  expect(OpStreamQuery.parse({ stdoutOffset: '12' })).toEqual({ stdoutOffset: 12, stderrOffset: 0 });
  expect(OpStreamQuery.safeParse({ stdoutOffset: '-1' }).success).toBe(false);
  expect(OpStreamQuery.safeParse({ stderrOffset: 'x' }).success).toBe(false);
  expect(OpStreamId.parse('12.34')).toEqual({ stdoutOffset: 12, stderrOffset: 34 });
  for (const text of ['12', '12.', '.3', '1.2.3', '-1.2', '1e3.2']) {
    expect(OpStreamId.safeParse(text).success).toBe(false);
  }
});
