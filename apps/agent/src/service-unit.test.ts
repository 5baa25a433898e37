import { expect, test } from 'vitest';
import { launchdPlist, systemdUnit } from './service-unit.ts';

const command = {
  node: '/opt/my node/bin/node',
  main: '/home/ada/50%/$app/main.js',
  configFolder: '/home/ada/<config> & "more"',
  path: '/usr/bin:/bin',
};

test('a systemd unit runs exactly this program, whatever its path is made of', () => {
  const unit = systemdUnit(command, 3);
  expect(unit).toContain('ExecStart="/opt/my node/bin/node" "/home/ada/50%%/$$app/main.js" run\n');
  expect(unit).toContain('Environment="BOXYARD_CONFIG_DIR=/home/ada/<config> & \\"more\\""\n');
  // A dollar means nothing there, and twice would be two.
  expect(systemdUnit({ ...command, configFolder: '/$a' }, 3)).toContain('"BOXYARD_CONFIG_DIR=/$a"');
  expect(systemdUnit({ ...command, node: "/it's/node" }, 3)).toContain(
    'ExecStart=/bin/sh -c "exec \\"$$0\\" \\"$$@\\"" "/it\'s/node" "/home',
  );
  expect(unit).toContain('RestartPreventExitStatus=3\n');
  expect(unit).toContain('OOMPolicy=continue\n');
  expect(unit).toContain('KillMode=process\n');
});

test('a launchd property list is XML, whatever is in the paths', () => {
  const plist = launchdPlist(command);
  expect(plist).toContain('<string>/home/ada/50%/$app/main.js</string>');
  expect(plist).toContain('<string>/home/ada/&lt;config&gt; &amp; "more"</string>');
  expect(plist.match(/<\w+[ >]/g)?.length).toBe(plist.match(/<\/\w+>/g)?.length);
});
