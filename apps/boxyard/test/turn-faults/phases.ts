import type { Script } from '@boxyard/scripted-model';

/** What a turn may be in the middle of, in the order in which the turns are begun. */
export const PHASES = [
  'a wait for approval',
  'an answer of the model',
  'a tool call',
  'a swap',
  'its wait in the queue',
] as const;
export type Phase = (typeof PHASES)[number];

/** Turns that one server runs at a time here: those of the three phases that hold a worker. */
export const CONCURRENCY = 3;

/** What lies in each box and was saved before the strike. */
export const KEPT = 'kept across everything';

const say = (text: string) => ({ kind: 'text', text }) as const;
const exec = (cmd: string) =>
  ({ kind: 'call', name: 'exec_command', arguments: { cmd, yield_time_ms: 120_000 } }) as const;

/** @param goOn what it answers resolves when the strike is over: an answer that was not cut goes on then. */
export function phaseScript(goOn: () => Promise<unknown>): Script {
  const asked = new Set<string>();
  return ({ userMessages, step }) => {
    const message = userMessages.at(-1) ?? '';
    const phase = PHASES.find((one) => message.startsWith(one));
    const isFirst = !asked.has(message);
    asked.add(message);
    if (phase === 'an answer of the model' && isFirst) {
      return [say('One thing, '), { kind: 'wait', until: goOn() }, say('and another.')];
    }
    if (step > 0 || phase === undefined) return [say('Done.')];
    if (phase === 'a wait for approval') return [exec('echo line >> lines')];
    if (phase === 'a tool call') {
      return [exec('echo begun; while [ ! -e go ]; do sleep 0.05; done; echo line >> lines; echo over')];
    }
    if (phase === 'a swap') {
      return [{ kind: 'call', name: 'swap_sandbox', arguments: { target: 'local', carry: true } }];
    }
    return [say('One thing, and another.')];
  };
}
