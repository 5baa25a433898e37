// The numbered cases of the Agents SDK's session contract that concern a box, and what each means in its terms.
import { BOX_CASES } from './box-cases/all-box-cases.ts';
import { PROVIDER_CASES } from './provider-cases/all-provider-cases.ts';

export interface SdkCase {
  readonly number: number;
  /** What the SDK's case asks of a box. */
  readonly meaning: string;
  /** Ids of the cases of `describeBox` and, with `provider.` before them, of `describeProvider`. */
  readonly cases: readonly string[];
}

const MEANINGS: readonly (readonly [number, string])[] = [
  [2, 'exec of a command without output: exit code 0, no bytes'],
  [3, 'merged output holds stdout and stderr in their true order'],
  [4, 'exec keeps stdout and stderr apart, with exit code and duration'],
  [8, 'workspaceRoot is what pwd -P says'],
  [9, 'cwd is relative to the root; an adapter strips the root from an absolute one'],
  [10, 'a cwd outside the workspace is refused before anything runs'],
  [11, 'a missing cwd is not-found with started: no'],
  [12, "the box's and the request's variables arrive, the host's do not, in commands and in terminals"],
  [13, 'output is bytes: UTF-8, NUL and invalid sequences pass'],
  [14, 'maxOutputBytes bounds what exec keeps and truncated says so'],
  [15, 'execs run at the same time'],
  [16, 'a box has one user and no runAs; what asks for another has to refuse it above the box'],
  [17, 'program.shell and program.login are honoured'],
  [24, 'interrupt ends a command without a terminal inside the box'],
  [25, 'output goes on from a cursor without gap or repetition, also through another handle'],
  [26, 'a terminal is a terminal, with CR LF'],
  [27, 'Ctrl-C in a terminal ends what runs with 130'],
  [28, 'whether there are terminals is the value capabilities.terminal'],
  [29, 'kill and destroy end every process, also orphans that hold the output'],
  [
    37,
    'files.read is exact; more than maxBytes is too-large instead of cut; missing is not-found, a folder invalid',
  ],
  [39, 'absolute paths, .. and NUL are refused for every use'],
  [40, 'a backslash is part of a name and never a separator'],
  [41, 'a link out of the workspace is denied for reading and writing, one inside is followed'],
  [42, 'files.list tells names, kinds and paths; a link is a symlink; missing is not-found, a file invalid'],
  [43, 'files.stat is null for nothing and an error for what lies outside'],
  [44, 'files.stat tells a file from a folder'],
  [45, 'a box has no grants: nothing outside the root can be read or written through it'],
  [46, 'the bytes of an image are exact, bounded by maxBytes; a folder is invalid'],
  [55, 'an exposed port has a url at which a real GET reaches what serves in the box'],
  [56, 'a number that is no port is invalid'],
  [57, 'a port on which nothing serves is an error or does not answer'],
  [58, 'pack and unpack bring back bytes, modes, links and empty folders; replace removes what is extra'],
  [59, 'a damaged or cut archive is invalid and changes nothing'],
  [60, 'members and links that lead out are refused and change nothing'],
  [61, 'archive limits are enforced and change nothing'],
  [62, 'limits that are no limits are invalid'],
  [63, 'a ref that went through JSON is resumed by another instance of the provider, with the files'],
  [64, 'a ref holds no environment and is of its own provider only'],
  [65, 'resume of a box that is not there is gone and never creates'],
  [67, 'close twice is fine; afterwards every call is closed'],
  [68, 'an open handle answers, a closed one does not'],
  [69, 'the handle is closed once by await using and ends nothing else'],
];

/** Each number with the cases that show it. */
export const SDK_CASES: readonly SdkCase[] = MEANINGS.map(([number, meaning]) => ({
  number,
  meaning,
  cases: [
    ...BOX_CASES.filter((one) => one.sdk?.includes(number)).map((one) => one.id),
    ...PROVIDER_CASES.filter((one) => one.sdk?.includes(number)).map((one) => `provider.${one.id}`),
  ],
}));
