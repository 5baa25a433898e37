import { createHash } from 'node:crypto';

/** Everything of ours on the server is below it, so that permissions can name it. */
const PREFIX = 'boxyard.wake';
const PLAIN = /^[A-Za-z0-9_-]{1,100}$/;

/** `events/<id>` is told as `boxyard.wake.events.<id>`; a part with any other character by its digest. */
export function subjectOf(topic: string): string {
  const parts = topic.split('/').map((part) => (PLAIN.test(part) ? part : digestOf(part)));
  return [PREFIX, ...parts].join('.');
}

// No plain part has a dollar in it.
const digestOf = (part: string) => `$${createHash('sha256').update(part).digest('hex').slice(0, 32)}`;
