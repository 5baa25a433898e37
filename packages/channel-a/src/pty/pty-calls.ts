/** What one server process asks another about a terminal that lives there. */
import { PtyExitReason, PtyResizeRequest, type PtyStreamMessage, PtyWriteRequest } from '@boxyard/contracts';
import { SandboxError } from '@boxyard/sandbox-core';
import type { SessionRef } from '../open-box.ts';
import type { PtyHost } from './pty-host.ts';

export type PtyCall =
  | { readonly do: 'write'; readonly session: SessionRef; readonly body: PtyWriteRequest }
  | { readonly do: 'resize'; readonly session: SessionRef; readonly body: PtyResizeRequest }
  | {
      readonly do: 'close';
      readonly session: SessionRef;
      readonly ptyId: string;
      readonly reason: PtyExitReason;
    }
  | {
      readonly do: 'view';
      readonly session: SessionRef;
      readonly ptyId: string;
      readonly after: number | null;
      /** How long to wait for something to show. */
      readonly waitMs: number;
    };

/** Answers as the host would have answered its own caller. */
export async function answerPtyCall(host: PtyHost, request: unknown): Promise<null | PtyStreamMessage[]> {
  // From another process of this server, which has checked its caller; it may be of another version.
  const call = request as PtyCall;
  switch (call.do) {
    case 'write':
      await host.write(call.session, PtyWriteRequest.parse(call.body));
      return null;
    case 'resize':
      await host.resize(call.session, PtyResizeRequest.parse(call.body));
      return null;
    case 'close':
      await host.close(call.session, call.ptyId, PtyExitReason.parse(call.reason));
      return null;
    case 'view':
      return host.viewOnce(call.session, call.ptyId, call);
    default:
      throw new SandboxError(
        'unsupported',
        'Reaching a terminal: its server is of another version. Upgrade all servers.',
        { started: 'no' },
      );
  }
}
