import { expect, test } from 'vitest';
import { filesToRunAgain, withSecondRun } from './run-again.ts';
import { type FileReport, totalOf } from './run-report.ts';

const good: FileReport = { passed: 2, failed: [], skipped: [], passedOnRetry: [] };
const bad: FileReport = { passed: 1, failed: ['b > shaky'], skipped: [], passedOnRetry: ['b > slow'] };

test("a few files with failures run again, many do not, and none where an error is nobody's", () => {
  const files = { '/a': good, '/b': bad };
  expect(filesToRunAgain({ files, outside: [] })).toEqual(['/b']);
  expect(filesToRunAgain({ files: { '/a': good }, outside: [] })).toEqual([]);
  expect(filesToRunAgain({ files, outside: ['stray'] })).toEqual([]);
  const many = Object.fromEntries(Array.from({ length: 6 }, (_, at) => [`/${at}`, bad]));
  expect(filesToRunAgain({ files: many, outside: [] })).toEqual([]);
});

test('what passes alone counts as passed, and is named', () => {
  const first = { files: { '/a': good, '/b': bad }, outside: [] };
  expect(totalOf(withSecondRun(first, { files: { '/b': good }, outside: [] }))).toEqual({
    passed: 4,
    failed: [],
    skipped: [],
    passedOnRetry: ['b > slow', 'b > shaky'],
  });
});

test('what fails again stays failed, and an error of the second run counts too', () => {
  const first = { files: { '/a': good, '/b': bad }, outside: [] };
  const second = { files: { '/b': { ...bad, passedOnRetry: [] } }, outside: ['stray'] };
  expect(totalOf(withSecondRun(first, second))).toEqual({
    passed: 3,
    failed: ['b > shaky', 'stray'],
    skipped: [],
    passedOnRetry: ['b > slow'],
  });
});

test('a file of which the second run says nothing keeps its failures', () => {
  const first = { files: { '/b': bad }, outside: [] };
  expect(withSecondRun(first, { files: {}, outside: [] })).toEqual(first);
});
