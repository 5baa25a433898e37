/** The groups of the API, in the order in which a reader meets them; a client has one group of methods for each. */
export const API_TAGS = {
  sessions: 'Sessions: what an agent works in. Each has a box, alone or shared.',
  commands: 'Commands in a box. One belongs to its op and not to the connection that started it.',
  files: 'The files of the workspace. Paths are relative to it and never lead out of it.',
  git: 'What git says about a repository in the workspace.',
  terminals: 'Interactive terminals, which outlive their viewers.',
  turns: 'Runs of the agent: what it is told, how far it is, what waits for a person.',
  events: 'What happened in a session, in order and without holes.',
  ports: 'Ports of a box.',
  machines: 'Machines of users that were enrolled, and how busy they are.',
  devices: 'How a machine of a user asks to be let in, and renews what it signs in with. It shows no key.',
  enrollments: 'How machines of users are let in and sent away.',
  keys: 'API keys of a workspace.',
  audit: 'Who did what in a workspace.',
  workspaces: 'Who shares sessions and keys.',
  server: 'The server itself: its health, and this document.',
} as const;

export type ApiTag = keyof typeof API_TAGS;
