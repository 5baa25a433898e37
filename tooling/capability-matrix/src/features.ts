/** What people choose a kind of box by, in the order in which they ask. */
export const FEATURES = {
  isolation: 'kept apart from its host',
  image: 'made of an image',
  limits: 'limits of cpu, memory, processes',
  attach: 'commands found again after a crash of ours',
  archives: 'files saved and restored elsewhere',
  parking: 'stopped and kept as it is',
  terminal: 'terminals with a size',
  watch: 'changes told as they happen',
  ports: 'ports reached from outside',
  desktop: 'a desktop',
  sweep: 'lost boxes found and swept',
} as const;
export type Feature = keyof typeof FEATURES;
