// What each request is allowed to do, decided by its kind alone and before anything is touched.
import type { ControlRequest, OpStart } from '@boxyard/agent-proto/messages';

export type RequestCase = NonNullable<ControlRequest['op']['case']>;

export interface RequestKind {
  /** Answered at once, however much waits: what keeps the wire alive, and what goes on in something that has begun. */
  readonly immediate: boolean;
  /** Needs the owner's consent to the whole machine. */
  readonly consent: boolean;
  /** Could change something: fenced, refused where only reading is allowed, and not begun while stopping. */
  readonly changes: boolean;
  /** Answered again, and not done again, when it comes again. What has an order of its own needs no record. */
  readonly recorded: boolean;
}

const WIRE: RequestKind = { immediate: true, consent: false, changes: false, recorded: false };
const GOES_ON: RequestKind = { immediate: true, consent: true, changes: false, recorded: false };
const READS: RequestKind = { immediate: false, consent: true, changes: false, recorded: false };
const CHANGES: RequestKind = { immediate: false, consent: true, changes: true, recorded: true };

const KINDS: Readonly<Partial<Record<RequestCase, RequestKind>>> = {
  ping: WIRE,
  metrics: WIRE,
  describe: WIRE,
  opCancel: WIRE,
  opQuery: WIRE,
  opAttach: GOES_ON,
  opInput: { ...GOES_ON, recorded: true },
  opSignal: { ...GOES_ON, recorded: true },
  opForget: { ...GOES_ON, recorded: true },
  writeChunk: GOES_ON,
  ptyWrite: { ...GOES_ON, recorded: true },
  ptyResize: GOES_ON,
  ptyClose: { ...GOES_ON, recorded: true },
  opList: READS,
  fsRead: READS,
  fsList: READS,
  fsStat: READS,
  fsVersion: READS,
  exec: CHANGES,
  git: CHANGES,
  fsWrite: CHANGES,
  fsMkdir: CHANGES,
  fsMove: CHANGES,
  fsRemove: CHANGES,
  ptyOpen: CHANGES,
  // Looking is not controlling.
  desktopEnsure: { ...READS, consent: false },
  desktopScreenshot: { ...READS, consent: false },
  // The screen has a consent of its own.
  desktopInput: { ...CHANGES, consent: false },
};

/** Ops that only look. */
const READING_OPS: ReadonlySet<OpStart['op']['case']> = new Set(['fsRead', 'watch', 'pack']);

/** Null for what this agent does not know. */
export function kindOf({ op }: ControlRequest): RequestKind | null {
  if (op.case === undefined) return null;
  // An op has an id by which it is not begun twice.
  if (op.case === 'opStart')
    return READING_OPS.has(op.value.op.case) ? READS : { ...CHANGES, recorded: false };
  return KINDS[op.case] ?? null;
}

/** What a request is about, for the owner's log: a path or a program, never content. */
export function subjectOf({ op }: ControlRequest): string {
  switch (op.case) {
    case 'exec':
      return commandName(op.value.command, op.value.script);
    case 'git':
      return op.value.args.join(' ').slice(0, LONGEST_SUBJECT);
    case 'fsMove':
      return `${op.value.from} → ${op.value.to}`;
    case 'opStart': {
      const begun = op.value.op;
      if (begun.case === 'exec') return commandName(begun.value.command, begun.value.script);
      if (begun.case === 'tunnel') return `port ${begun.value.port}`;
      if (begun.case === 'terminal') return `terminal ${begun.value.command[0] ?? ''}`.trim();
      return begun.case === undefined ? '' : `${begun.case} ${begun.value.path}`;
    }
    default:
      return op.value !== undefined && 'path' in op.value ? op.value.path : '';
  }
}

const LONGEST_SUBJECT = 200;

const commandName = (command: readonly string[], script: string | undefined): string =>
  (script ?? command.join(' ')).slice(0, LONGEST_SUBJECT);
