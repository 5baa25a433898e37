/** The bodies of the ```ts blocks of a README, in order. */
export function typescriptBlocks(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^```(?:ts|typescript)\b[^\n]*\n([\s\S]*?)^```\s*$/gm)].map(
    ([, body]) => body ?? '',
  );
}
