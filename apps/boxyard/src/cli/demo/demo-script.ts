/** What the scripted model of the demo says. It reads what the tools say, and gives up where it reads something else. */
import type { Script, ScriptedItem, ScriptedRequest } from '@boxyard/scripted-model';
import { backendOfTask, DEMO_PATCHES, showsKnownFault } from './demo-repository.ts';

const say = (text: string): ScriptedItem => ({ kind: 'text', text });
const exec = (cmd: string): ScriptedItem => ({
  kind: 'call',
  name: 'exec_command',
  arguments: { cmd, yield_time_ms: 30_000 },
});
const swap = (target: string): ScriptedItem => ({
  kind: 'call',
  name: 'swap_sandbox',
  arguments: { target, carry: true },
});

/** Ends the turn: a script has no idea what to do about something that it does not know. */
const giveUp = (what: string): readonly ScriptedItem[] => [
  {
    kind: 'refuse',
    status: 422,
    message: `The scripted model of the demo knows no way on. It read: ${what}`,
  },
];

const passed = (text: string) => /^all tests passed$/m.test(text) && !/^FAILED/m.test(text);
const swapped = (text: string) => text.startsWith('This session works in ');

/** What may come next, by how much was done; each step reads the answers to the one before. */
const STEPS: readonly ((read: string, backend: string, all: string) => readonly ScriptedItem[])[] = [
  () => [say('I look at the repository first.'), exec('git log --oneline; cat total.sh CHANGELOG.md')],
  () => [exec('sh test.sh')],
  (read, _, all) => {
    if (!showsKnownFault(all)) return giveUp(failuresIn(read));
    return [
      say('`read` answers "no" at a last line without an end, although it has read it. I mend the loop.'),
      ...DEMO_PATCHES.map((patch): ScriptedItem => {
        return { kind: 'patch', operation: { type: 'update_file', ...patch } };
      }),
    ];
  },
  () => [exec('sh test.sh')],
  (read) =>
    passed(read)
      ? [exec('git commit -qam "Count the last line of a list without an end" && git log --oneline')]
      : giveUp(failuresIn(read)),
  (read, backend) =>
    read.includes('Count the last line')
      ? [say('Now I go on in another box, with the files.'), swap(backend)]
      : giveUp(read),
  (read, backend) => {
    if (swapped(read)) return [exec('sh test.sh && git tag mended && git log --oneline --decorate')];
    // An engine may answer and still have no image for the box.
    return backend === 'local'
      ? giveUp(read)
      : [say('That box cannot be had. I take one more here.'), swap('local')];
  },
  (read) =>
    swapped(read) ? [exec('sh test.sh && git tag mended && git log --oneline --decorate')] : finish(read),
  (read) => finish(read),
];

const finish = (read: string): readonly ScriptedItem[] =>
  passed(read) && read.includes('tag: mended')
    ? [say('The test passes in both boxes, and the commit that mends it is tagged "mended".')]
    : giveUp(read);

const failuresIn = (text: string): string => text.match(/^FAILED: .*$/gm)?.join('; ') ?? text;

export const demoScript: Script = (request) => {
  const backend = backendOfTask(request.userMessages.at(-1) ?? '');
  if (backend === null) return [say(NOTHING_ELSE)];
  const all = request.allToolAnswers.map(({ text }) => text).join('\n');
  return STEPS[request.step]?.(readOf(request), backend, all) ?? giveUp('a question too many');
};

const readOf = ({ toolAnswers }: ScriptedRequest) => toolAnswers.map(({ text }) => text).join('\n');

const NOTHING_ELSE =
  'I am scripted: there is no model behind me, and all I can do is the task of the demo. ' +
  'Set BOXYARD_MODEL_BASE_URL and BOXYARD_MODEL to an endpoint of yours and start the server again.';
