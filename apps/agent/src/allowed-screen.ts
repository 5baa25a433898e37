// What may be done with the screen: what the owner says now, and no more than whoever let the machine in was told.
import type { AgentSettings } from './agent-settings.ts';
import type { KeptEnrollment } from './enrollment-file.ts';

export interface AllowedScreen {
  readonly seen: boolean;
  /** Pointer and keyboard. */
  readonly controlled: boolean;
  /** For the log: why it is less than the settings say. */
  readonly lacks: string | null;
}

/** @param consented Whether screen control was allowed when the machine was let in. */
export function allowedScreen(
  { screen: wanted }: Pick<AgentSettings, 'screen'>,
  { screen: told }: Pick<KeptEnrollment, 'screen'>,
  consented: boolean,
): AllowedScreen {
  if (wanted === undefined) return { seen: false, controlled: false, lacks: null };
  if (told === undefined)
    return { seen: false, controlled: false, lacks: `The screen is not shown: ${AGAIN}` };
  if (wanted === 'view') return { seen: true, controlled: false, lacks: null };
  const controlled = told === 'control' && consented;
  return { seen: true, controlled, lacks: controlled ? null : `The screen can only be looked at: ${AGAIN}` };
}

const AGAIN =
  'nothing else was allowed when this machine was let in. Run boxyard-agent logout, and enroll it again with --screen.';
