import { type PendingEnrollment, UserCode } from '@boxyard/contracts';
import { html } from 'hono/html';
import { ApiError } from '../problem.ts';
import type { BrowserSession } from './browser-session.ts';
import { answerPage, type PageTable } from './page-context.ts';
import { csrfField, type Html, moment, SYSTEMS } from './page-layout.ts';

/** A person types a code, sees who asks for what, and decides. */
export function addEnrollPages(pages: PageTable): void {
  pages.signedIn('GET /enroll', async (c, { session }) => {
    const typed = c.req.query('code');
    if (typed === undefined) return answerPage(c, { ...codeForm(null), session });
    const code = UserCode.safeParse(typed);
    if (!code.success) {
      return answerPage(
        c,
        { ...codeForm('A code has the form XXXX-XXXX. Look at the machine.'), session },
        400,
      );
    }
    const pending = await pages.fleet.devices.lookup(code.data);
    const workspace = await pages.enter(c, session, {
      workspace: pending.workspaceId,
      permission: 'enrollments:manage',
      action: 'enrollment.approve',
    });
    return answerPage(c, {
      title: 'Let this machine in?',
      body: consent(pending, workspace.slug, session),
      session,
    });
  });

  pages.signedIn('POST /enroll', async (c, { session, fields }) => {
    const code = UserCode.safeParse(fields.code);
    if (!code.success) throw new ApiError('invalid', 'The code is missing. Open the page again.');
    const { devices } = pages.fleet;
    const { workspaceId, machineName } = await devices.lookup(code.data);
    const approves = fields.decision === 'approve';
    if (!approves && fields.decision !== 'deny')
      throw new ApiError('invalid', 'Neither approve nor deny was chosen. Open the page again.');
    const action = approves ? 'enrollment.approve' : 'enrollment.deny';
    await pages.enter(c, session, { workspace: workspaceId, permission: 'enrollments:manage', action });
    if (!approves) {
      await devices.deny(workspaceId, code.data);
      await pages.record(c, session.key.id, { workspaceId, action, outcome: 'done', target: code.data });
      return answerPage(c, { title: 'Not let in', body: denied(machineName), session });
    }
    const approved = await devices.approve(workspaceId, code.data, {
      approvedBy: session.key.id,
      allowScreenControl: fields.allowScreenControl === 'yes',
    });
    const screenControl = approved.allowScreenControl ? 'allowed' : 'withheld';
    await pages.record(c, session.key.id, {
      workspaceId,
      action,
      outcome: 'done',
      target: approved.id,
      detail: { screenControl },
    });
    return answerPage(c, { title: 'Let in', body: letIn(machineName, approved.allowScreenControl), session });
  });
}

const codeForm = (failure: string | null) => ({
  title: 'Let a machine in',
  body: html`
${failure === null ? '' : html`<p role="alert" id="failure">${failure}</p>`}
<form method="get" action="/enroll">
<label for="code">Code that the machine shows</label>
<input type="text" class="code" id="code" name="code" required autofocus autocomplete="off" autocapitalize="characters"
  spellcheck="false" maxlength="9" aria-describedby="hint">
<p id="hint">Eight letters and digits, for instance <code>K7QM-2XRD</code>. Capitals and the hyphen do not matter.</p>
<button>Continue</button>
</form>`,
});

function consent(pending: PendingEnrollment, workspace: string, { csrfToken }: BrowserSession): Html {
  const { userCode, machineName, os, arch, fingerprint, canOfferDisplay, requestsScreenControl } = pending;
  return html`
<p>Continue only if you started this on the machine yourself, and it shows the same code and key fingerprint as below.</p>
<dl>
<dt>Machine</dt><dd>${machineName}</dd>
<dt>System</dt><dd>${SYSTEMS[os]}, ${arch}</dd>
<dt>Code</dt><dd><code>${userCode}</code></dd>
<dt>Key fingerprint</dt><dd><code>${fingerprint}</code></dd>
<dt>Workspace</dt><dd>${workspace}</dd>
<dt>Decide until</dt><dd>${moment(pending.expiresAt)}</dd>
</dl>
<h2>What it will allow</h2>
<ul>
<li>Whoever may use sessions of this workspace, and its agents, can <strong>run commands and read and change
files</strong> with all rights of the user who started the agent.</li>
${canOfferDisplay ? html`<li>Whoever may view streams of this workspace can <strong>see its screen</strong>.</li>` : ''}
</ul>
<form method="post" action="/enroll">
${csrfField(csrfToken)}<input type="hidden" name="code" value="${userCode}">
${
  requestsScreenControl
    ? html`<p class="check"><input type="checkbox" id="control" name="allowScreenControl" value="yes">
<label for="control">Also allow typing and clicking on its screen</label></p>`
    : html`<p>It did not ask for its screen to be controlled.</p>`
}
<div class="actions">
<button name="decision" value="approve">Let it in</button>
<button class="bad" name="decision" value="deny">Deny</button>
</div>
</form>`;
}

const letIn = (machineName: string, screenControl: boolean): Html => html`
<p role="status">${machineName} is let in ${screenControl ? 'with' : 'without'} control of its screen. It goes on by
itself within a few seconds.</p>
<p><a href="/machines">See the machines</a></p>`;

const denied = (machineName: string): Html => html`
<p role="status">${machineName} was sent away. Nothing was given to it.</p>
<p><a href="/machines">See the machines</a></p>`;
