// Where a sealed value belongs: moved to another group, or taken for another value, it does not open.

export const environmentContext = (groupId: string): string => `environment:${groupId}`;
export const sourceTokenContext = (groupId: string): string => `source-token:${groupId}`;
