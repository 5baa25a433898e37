// What the agent of each session does with one message. It reacts: a command of which nobody knows whether it ran is
// looked after before it is repeated, as a careful model would.
import type { Script, ScriptedItem, ToolAnswer } from '@boxyard/scripted-model';

/** A tool that fails is called again: under such kills a box may take longer to come than one call waits. */
const MOST_TRIES = 20;

/** What a session's box holds after its first tasks. */
export const FILES = { journal: 'journal.txt', resultOf: (task: number) => `out/${task}.txt` } as const;
export const journalOf = (tasks: number): string =>
  Array.from({ length: tasks }, (_, index) => `${index + 1}\n`).join('');
export const resultOf = (task: number): string => `task ${task}\n`;
export const messageOf = (task: number): string => `task ${task}`;

/** Appends a line, writes a file by a patch, and says so. */
export function taskScript(commandSeconds: number): Script {
  return ({ userMessages, allToolAnswers }): readonly ScriptedItem[] => {
    const task = Number(/^task (\d+)$/.exec(userMessages.at(-1) ?? '')?.[1]);
    if (!Number.isInteger(task)) throw new Error(`No task: ${userMessages.at(-1)}`);
    const answers = new Map<string, ToolAnswer>(allToolAnswers.map((answer) => [answer.callId, answer]));
    const told = (step: string) => answers.get(`${task}-${step}`)?.text;
    const done = (step: string) => /exited with code 0/.test(told(step) ?? '');
    const run = (step: string, cmd: string): readonly ScriptedItem[] => [
      {
        kind: 'call',
        name: 'exec_command',
        callId: `${task}-${step}`,
        arguments: { cmd, yield_time_ms: 60_000 },
      },
    ];
    /** The command, then its cautious form until it says that it is through; null once it has. */
    const until = (step: string, first: string, again: string): readonly ScriptedItem[] | null => {
      for (let time = 1; time <= MOST_TRIES; time++) {
        const name = `${step}-${time}`;
        if (done(name)) return null;
        if (told(name) === undefined) return run(name, time === 1 ? first : again);
      }
      throw new Error(`Task ${task} gets nowhere: ${told(`${step}-${MOST_TRIES}`)}`);
    };

    const { journal } = FILES;
    const appending = until(
      'append',
      `echo ${task} >> ${journal}; sleep ${commandSeconds}; echo appended`,
      `sleep ${commandSeconds}; grep -qx ${task} ${journal} || echo ${task} >> ${journal}`,
    );
    if (appending !== null) return appending;

    const file = FILES.resultOf(task);
    if (told('patch') === undefined)
      return [
        {
          kind: 'patch',
          callId: `${task}-patch`,
          operation: { type: 'create_file', path: file, diff: `+task ${task}\n` },
        },
      ];
    const check = `mkdir -p out; [ "$(cat ${file})" = "task ${task}" ] || echo "task ${task}" > ${file}`;
    const checking = until('check', check, check);
    if (checking !== null) return checking;
    return [{ kind: 'text', text: `Task ${task} is done.` }];
  };
}
