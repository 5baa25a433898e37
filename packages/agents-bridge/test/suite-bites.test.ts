// A suite that cannot fail shows nothing: sessions with one fault each, and the case that has to see it.
import { MemoryBox } from '@boxyard/sandbox-conformance';
import type { Box } from '@boxyard/sandbox-core';
import { expect, test } from 'vitest';
import { AGENTS_SESSION_CASES, type AgentsSessionSubject, runAgentsSessionCase } from '../src/conformance.ts';
import { type AgentsSession, toAgentsSession } from '../src/index.ts';

type Fault = (session: AgentsSession, box: Box) => Partial<AgentsSession>;

const FAULTS: readonly (readonly [string, number, Fault])[] = [
  [
    'tells another exit code',
    1,
    (session) => ({
      execCommand: async (args) => (await session.execCommand(args)).replace('code 7', 'code 0'),
    }),
  ],
  [
    'throws instead of telling',
    10,
    (session) => ({ execCommand: async (args) => (await session.exec(args)).output }),
  ],
  [
    'runs as somebody else without a word',
    16,
    (session) => ({ exec: ({ runAs, ...args }) => session.exec(args) }),
  ],
  [
    'throws for an unknown number',
    21,
    () => ({ writeStdin: async () => Promise.reject(new Error('unknown')) }),
  ],
  ['cuts nothing at maxBytes', 37, (session) => ({ readFile: ({ path }) => session.readFile({ path }) })],
  ['looks outside', 39, () => ({ pathExists: async () => false })],
  [
    'gives an image as text',
    46,
    (session) => ({
      viewImage: async (args) => {
        const shown = await session.viewImage(args);
        return { ...shown, image: { data: 'iVBORw0KGgo=', mediaType: 'image/png' } };
      },
    }),
  ],
  [
    'takes a manifest as it is',
    50,
    (session) => ({
      fit: (wanted) => Object.assign(Object.create(session.state.manifest), wanted),
    }),
  ],
  ['goes on after it was closed', 67, () => ({ close: async () => undefined })],
  [
    'keeps its editor in the first box',
    70,
    (_, box) => ({ createEditor: () => toAgentsSession(box).createEditor() }),
  ],
];

function openSubject(fault: Fault): AgentsSessionSubject {
  const box = new MemoryBox();
  let current: Box = box;
  const sound = toAgentsSession(async () => current, { root: box.workspaceRoot });
  const changed = fault(sound, box);
  const session = new Proxy(sound, {
    get(target, name) {
      const own: unknown = Reflect.get(changed, name);
      const value: unknown = own ?? Reflect.get(target, name, target);
      return typeof value === 'function' && own === undefined ? value.bind(target) : value;
    },
  });
  const swap = async () => {
    current = new MemoryBox();
    return current;
  };
  return { box, session, swap };
}

test.each(FAULTS)('a session that %s fails case %i', async (_, number, fault) => {
  const one = AGENTS_SESSION_CASES.find((each) => each.number === number);
  expect(one, `there is no case ${number}`).toBeDefined();
  await expect(runAgentsSessionCase(one!, openSubject(fault), 10_000)).rejects.toThrow();
  await runAgentsSessionCase(
    one!,
    openSubject(() => ({})),
    10_000,
  );
});
