import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';

/** What a page is made of; everything that is put into it is escaped. */
export type Html = ReturnType<typeof html>;

const STYLE = `
:root { color-scheme: light dark; --line: #767676; --accent: #0b57a4; --bad: #b00020; --soft: #f2f4f7; }
@media (prefers-color-scheme: dark) { :root { --line: #8a8f98; --accent: #8ab4f8; --bad: #ff8a80; --soft: #23262b; } }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
header, main { max-width: 60rem; margin: 0 auto; padding: 1rem 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center; border-bottom: 1px solid var(--line); }
header strong { margin-right: auto; }
header form { margin: 0; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0 1rem; }
h2 { font-size: 1.15rem; margin: 1.5rem 0 .5rem; }
a { color: var(--accent); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.25rem; padding: 1rem; background: var(--soft); border-radius: .5rem; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 36rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
label { font-weight: 600; } .check { display: flex; gap: .6rem; align-items: baseline; margin: 1rem 0; }
input[type=text], input[type=password] { display: block; width: 100%; max-width: 26rem; font: inherit; padding: .55rem .7rem; margin: .35rem 0 1rem; border: 1px solid var(--line); border-radius: .4rem; background: Canvas; color: CanvasText; }
input.code { font-family: ui-monospace, monospace; font-size: 1.25rem; letter-spacing: .1em; text-transform: uppercase; }
button { font: inherit; font-weight: 600; padding: .6rem 1.1rem; min-height: 2.75rem; border: 1px solid var(--accent); border-radius: .4rem; background: var(--accent); color: Canvas; cursor: pointer; }
button.plain { background: Canvas; color: var(--accent); } button.bad { background: Canvas; color: var(--bad); border-color: var(--bad); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding-bottom: .5rem; } th, td { text-align: left; padding: .55rem .75rem .55rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
[role=alert], [role=status] { border-left: .35rem solid var(--accent); padding: .6rem .9rem; background: var(--soft); } [role=alert] { border-color: var(--bad); }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
`;

/** No script, no other host, no frame around it; the one style sheet is named by its digest. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  // Not no-referrer: with it a browser calls the origin of our own forms null.
  'referrer-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
};

export interface PageParts {
  readonly title: string;
  readonly body: Html;
  /** Null when nobody is signed in. */
  readonly csrfToken: string | null;
}

export const renderPage = ({ title, body, csrfToken }: PageParts): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – Boxyard</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<header><strong>Boxyard</strong>${csrfToken === null ? '' : signedInLinks(csrfToken)}</header>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;

const signedInLinks = (csrfToken: string): Html => html`
<nav aria-label="Pages"><a href="/machines">Machines</a> · <a href="/enroll">Let a machine in</a></nav>
<form method="post" action="/logout">${csrfField(csrfToken)}<button class="plain">Sign out</button></form>`;

/** How people call what runs on a machine. */
export const SYSTEMS = { linux: 'Linux', macos: 'macOS', windows: 'Windows' } as const;

export const csrfField = (token: string): Html => html`<input type="hidden" name="csrf" value="${token}">`;

/** A moment that people and programs read. */
export const moment = (at: string): Html =>
  html`<time datetime="${at}">${at.slice(0, 16).replace('T', ' ')} UTC</time>`;
