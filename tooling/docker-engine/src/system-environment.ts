/** Daemons and disk tools live in sbin, which a plain PATH often leaves out. */
export function systemEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin` };
}
