/** Shows the events of a turn as they come: for people as text, for programs each as one line of JSON. */
import type { SessionEvent, TurnUsage } from '@boxyard/client';
import type { OutputFormat } from '../output.ts';
import { type Paint, paintFor, plainText, type Style } from './terminal-text.ts';
import { callLines, outputLines, type ShownLine } from './tool-call-text.ts';
import { TurnSpinner } from './turn-spinner.ts';

const STYLES: Readonly<Record<ShownLine['kind'], Style | null>> = {
  title: 'bold',
  plain: null,
  added: 'green',
  removed: 'red',
  note: 'dim',
};

type Payload<Type extends SessionEvent['type']> = Extract<SessionEvent, { type: Type }>['payload'];

interface ShownCall {
  readonly title: string;
  /** Of the output that was shown as it came: what has no end of line yet. Null when nothing came so. */
  begunLine: string | null;
}

export class TurnPrinter {
  readonly #stream: NodeJS.WriteStream;
  readonly #format: OutputFormat;
  readonly #paint: Paint;
  readonly #spinner: TurnSpinner;
  /** What was said here and is on the screen already; its event would repeat it. */
  readonly #typed: string[] = [];
  /** The call whose output belongs below what was printed last. */
  #call: string | null = null;
  readonly #calls = new Map<string, ShownCall>();
  #atLineStart = true;
  /** Events that are not here are for programs. */
  readonly #shows: { readonly [Type in SessionEvent['type']]?: (payload: Payload<Type>) => void } = {
    'turn.message': ({ text }) => this.#message(text),
    'turn.started': ({ attempt }) => {
      if (attempt > 1) this.#line(`goes on, attempt ${attempt}`, 'dim');
      this.waiting('thinking');
    },
    'model.text.delta': ({ text }) => {
      this.#write(plainText(text));
      this.waiting('thinking');
    },
    'model.text.superseded': ({ reason }) => {
      this.#line(`this answer broke off and is asked for again: ${plainText(reason)}`, 'dim');
      this.waiting('thinking');
    },
    'tool.call.started': (call) => this.#callStarted(call),
    'tool.call.output.delta': (output) => this.#callOutput(output),
    'tool.call.completed': (call) => this.#callCompleted(call),
    'approval.requested': (approval) => this.#approvalRequested(approval),
    'approval.resolved': ({ decision }) => this.#line(decision, decision === 'approved' ? 'green' : 'red'),
    'sandbox.created': ({ backend }) => this.#box(`made (${backend})`),
    'sandbox.resumed': ({ backend }) => this.#box(`up again (${backend})`),
    'sandbox.lost': ({ detail }) => this.#box(`lost: ${plainText(detail)}`),
    'sandbox.restored': ({ receipt }) => this.#box(`files restored (${receipt.kind})`),
    'sandbox.paused': ({ reason }) => this.#box(`saved and stopped: ${plainText(reason)}`),
    'sandbox.failed': ({ code, detail }) => this.#box(`${code}: ${plainText(detail)}`),
    'sandbox.swapped': ({ to, receipt }) => {
      const files = receipt === undefined ? '' : `, files carried along (${receipt.kind})`;
      this.#box(`the session works in ${to ?? 'its own box'} now${files}`);
    },
    'turn.completed': ({ usage }) => this.#line(`done · ${usageText(usage)}`, 'dim'),
    'turn.failed': ({ error }) => this.#line(`failed (${error.code}): ${plainText(error.message)}`, 'red'),
    'turn.cancelled': () => this.#line('cancelled', 'yellow'),
  };

  constructor(stream: NodeJS.WriteStream, format: OutputFormat) {
    this.#stream = stream;
    this.#format = format;
    this.#paint = paintFor(stream);
    this.#spinner = new TurnSpinner(stream);
  }

  /** Its event is not shown: whoever typed it sees it. */
  wasTyped(text: string): void {
    this.#typed.push(text);
  }

  /** Something that is no event; not for programs. */
  note(text: string, style: Style = 'dim'): void {
    if (this.#format === 'json') return;
    this.#line(text, style);
  }

  /** Until the next thing is shown. */
  waiting(text: string): void {
    if (this.#format !== 'json' && this.#atLineStart) this.#spinner.start(text);
  }

  /** So that a question can be asked in a line of its own. */
  pause(): void {
    this.#spinner.stop();
    if (!this.#atLineStart) this.#write('\n');
  }

  show(event: SessionEvent): void {
    if (this.#format === 'json') {
      this.#stream.write(`${JSON.stringify(event)}\n`);
      return;
    }
    const show = this.#shows[event.type] as ((payload: SessionEvent['payload']) => void) | undefined;
    if (show === undefined) return;
    this.#spinner.stop();
    show(event.payload);
  }

  #message(text: string): void {
    const at = this.#typed.indexOf(text);
    if (at < 0) this.#line(`> ${plainText(text)}`, 'bold');
    else this.#typed.splice(at, 1);
    this.waiting('waiting for a worker');
  }

  #callStarted({ callId, tool, arguments: given }: Payload<'tool.call.started'>): void {
    const lines = callLines(tool, given);
    for (const line of lines) this.#shown(line, '');
    this.#calls.set(callId, { title: lines[0]?.text ?? tool, begunLine: null });
    this.#call = callId;
    this.waiting('running');
  }

  #callOutput({ callId, chunk, elided }: Payload<'tool.call.output.delta'>): void {
    const call = this.#below(callId, '');
    const lines = `${call.begunLine ?? ''}${plainText(chunk)}`.split('\n');
    // What is no whole line yet may be a progress bar that goes on.
    call.begunLine = lines.pop() ?? '';
    for (const text of lines) this.#shown({ text, kind: 'plain' }, '  ');
    if (elided) this.#shown({ text: '… more is printed than is shown here', kind: 'note' }, '  ');
    this.waiting('running');
  }

  #callCompleted({ callId, tool, output, truncated }: Payload<'tool.call.completed'>): void {
    const { begunLine } = this.#below(callId, tool);
    const lines = outputLines(output, truncated);
    if (begunLine === null) for (const line of lines) this.#shown(line, '  ');
    else {
      // The output was seen as it came: only how it went is new.
      if (begunLine !== '') this.#shown({ text: begunLine, kind: 'plain' }, '  ');
      for (const line of lines.filter(({ kind }) => kind === 'note')) this.#shown(line, '  ');
    }
    this.#calls.delete(callId);
    this.waiting('thinking');
  }

  /** Several calls may run at a time: whose output comes now is said again where another one came between. */
  #below(callId: string, tool: string): ShownCall {
    const call = this.#calls.get(callId) ?? { title: tool, begunLine: null };
    this.#calls.set(callId, call);
    if (this.#call !== callId) this.#line(call.title, 'dim');
    this.#call = callId;
    return call;
  }

  #approvalRequested({ tool, arguments: given }: Payload<'approval.requested'>): void {
    this.#call = null;
    this.#line(`${tool} waits for a decision:`, 'yellow');
    for (const line of callLines(tool, given)) this.#shown(line, '  ');
  }

  #box(text: string): void {
    this.#line(`box: ${text}`, 'dim');
  }

  #shown({ text, kind }: ShownLine, indent: string): void {
    this.#line(indent + text, STYLES[kind]);
  }

  #line(text: string, style: Style | null): void {
    this.#spinner.stop();
    const start = this.#atLineStart ? '' : '\n';
    this.#write(`${start}${style === null ? text : this.#paint(style, text)}\n`);
  }

  #write(text: string): void {
    if (text === '') return;
    this.#stream.write(text);
    this.#atLineStart = text.endsWith('\n');
  }
}

const usageText = ({ modelCalls, inputTokens, outputTokens }: TurnUsage): string =>
  `${modelCalls} ${modelCalls === 1 ? 'question' : 'questions'} to the model, ${inputTokens + outputTokens} tokens`;
