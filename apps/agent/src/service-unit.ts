// Units that start the agent with the machine, for the user who enrolled it.

export interface ServiceCommand {
  /** Absolute path of node. */
  readonly node: string;
  /** Absolute path of our main module. */
  readonly main: string;
  /** Absolute path of the config folder. */
  readonly configFolder: string;
  readonly path: string;
}

export const SYSTEMD_UNIT = 'boxyard-agent.service';
export const LAUNCHD_LABEL = 'dev.boxyard.agent';

/** Commands of the agent go on when it is started again, and one that is ended for its memory ends alone. */
export function systemdUnit(
  { node, main, configFolder, path }: ServiceCommand,
  notEnrolledExit: number,
): string {
  return `[Unit]
Description=Boxyard agent
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=${systemdProgram(node)} ${systemdArgument(main)} run
Environment=${systemdWord(`BOXYARD_CONFIG_DIR=${configFolder}`)}
Environment=${systemdWord(`PATH=${path}`)}
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=${notEnrolledExit}
KillMode=process
OOMPolicy=continue
Delegate=yes

[Install]
WantedBy=default.target
`;
}

export function launchdPlist({ node, main, configFolder, path }: ServiceCommand): string {
  const strings = [node, main, 'run'].map((word) => `    <string>${xml(word)}</string>`).join('\n');
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LAUNCHD_LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${strings}
  </array>
  <key>EnvironmentVariables</key>
  <dict>
    <key>BOXYARD_CONFIG_DIR</key>
    <string>${xml(configFolder)}</string>
    <key>PATH</key>
    <string>${xml(path)}</string>
  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>10</integer>
  <key>AbandonProcessGroup</key>
  <true/>
  <key>StandardErrorPath</key>
  <string>${xml(`${configFolder}/agent.log`)}</string>
</dict>
</plist>
`;
}

/** systemd runs nothing whose name has one of these in it, however it is quoted; a shell does. */
const NO_PROGRAM_NAME = /['"\\$]/;

function systemdProgram(path: string): string {
  if (!NO_PROGRAM_NAME.test(path)) return systemdWord(path);
  return `/bin/sh -c ${systemdArgument('exec "$0" "$@"')} ${systemdArgument(path)}`;
}

/** Of a command line, where variables are replaced. */
const systemdArgument = (word: string): string => systemdWord(word).replaceAll('$', '$$$$');

/** One word of a unit file: its own quotes, its own specifiers. */
function systemdWord(word: string): string {
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    .replaceAll('\n', '\\n');
  return `"${escaped}"`;
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
