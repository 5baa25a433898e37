/** What a `Range` header asks for, before the file's size is known. */
export type AskedRange =
  | { readonly kind: 'from'; readonly first: number; readonly last: number | null }
  | { readonly kind: 'suffix'; readonly lengthBytes: number };

/**
 * Reads a `Range` header (RFC 9110). Null means the whole file: no header, a unit or a form that is not
 * understood, or several ranges, which a server may answer with the whole.
 */
export function parseRange(header: string | null | undefined): AskedRange | null {
  const match = /^bytes=\s*([0-9]*)-([0-9]*)\s*$/.exec(header ?? '');
  if (match === null) return null;
  const first = match[1] === '' ? null : Number(match[1]);
  const last = match[2] === '' ? null : Number(match[2]);
  if (first === null) return last === null ? null : { kind: 'suffix', lengthBytes: last };
  if (last !== null && last < first) return null;
  return { kind: 'from', first, last };
}

/** The part of a file of this size; null when none of it is asked for (416). */
export function resolveRange(
  asked: AskedRange,
  sizeBytes: number,
): { readonly first: number; readonly last: number } | null {
  if (asked.kind === 'suffix') {
    if (asked.lengthBytes === 0 || sizeBytes === 0) return null;
    return { first: Math.max(0, sizeBytes - asked.lengthBytes), last: sizeBytes - 1 };
  }
  if (asked.first >= sizeBytes) return null;
  return { first: asked.first, last: Math.min(asked.last ?? sizeBytes - 1, sizeBytes - 1) };
}
