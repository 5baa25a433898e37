import { expect, test } from 'vitest';
import { PortList } from './port-list.ts';

test.each([
  ['80', [80]],
  ['3000,8080', [3000, 8080]],
  [' 3000 , 8080 ', [3000, 8080]],
  ['1,65535', [1, 65_535]],
  ['80,80,81', [80, 81]],
])('%j is %j', (text, ports) => {
  expect(PortList.parse(text)).toEqual(ports);
});

test.each([
  '',
  ',',
  '80,',
  ',80',
  '80,,81',
  '0',
  '65536',
  '-1',
  '80-90',
  '8e1',
  'http',
  '80 81',
  '1.5',
  '080000',
])('%j is refused with an example', (text) => {
  const result = PortList.safeParse(text);
  expect(result.error?.issues[0]?.message).toMatch(/between commas, for instance 3000,8080/);
});
