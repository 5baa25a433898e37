import { renderConfigurationPage } from '@boxyard/config';
import { renderMetricsPage } from '@boxyard/server-parts';

/** A page that is made from source and never edited. */
export interface GeneratedPage {
  readonly file: URL;
  readonly render: () => string;
}

const docs = new URL('../../../docs/', import.meta.url);

export const GENERATED_PAGES: readonly GeneratedPage[] = [
  { file: new URL('configuration.md', docs), render: renderConfigurationPage },
  { file: new URL('metrics.md', docs), render: renderMetricsPage },
];
