import type { RelayMetricName } from '@boxyard/streaming';
import type { Counter, Histogram, Meter, ObservableCounter, ObservableGauge } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { METRICS, type MetricDescription, type MetricName, type MetricOf } from './metrics-table.ts';

export type Labels = Readonly<Record<string, string>>;

/** One value of a metric that is read when it is asked for. */
export interface Reading {
  readonly value: number;
  readonly labels?: Labels | undefined;
}

type ReadMetric =
  | MetricOf<'gauge'>
  | RelayMetricName
  | 'process_cpu_seconds_total'
  | 'boxyard_database_failures_total';

/** The instruments of the table of metrics, and their text for Prometheus. One for each server. */
export class Meters implements AsyncDisposable {
  // Never listens by itself: it only collects.
  readonly #reader = new PrometheusExporter({ preventServerStart: true });
  readonly #serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  readonly #provider = new MeterProvider({ readers: [this.#reader] });
  readonly #meter: Meter = this.#provider.getMeter('boxyard');
  readonly #counters = new Map<string, Counter>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #read = new Map<string, ObservableGauge | ObservableCounter>();

  constructor() {
    for (const [name, metric] of Object.entries<MetricDescription>(METRICS)) {
      const { description } = metric;
      if (metric.kind === 'histogram') {
        const advice = { explicitBucketBoundaries: [...(metric.buckets ?? [])] };
        this.#histograms.set(name, this.#meter.createHistogram(name, { description, advice }));
      }
    }
  }

  count(name: MetricOf<'counter'>, labels: Labels = {}, by = 1): void {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = this.#meter.createCounter(name, { description: METRICS[name].description });
      this.#counters.set(name, counter);
    }
    counter.add(by, labels);
  }

  /** A counter whose labels are all known is told as 0 from the start: its first rise is seen as one. */
  startCounters(): void {
    for (const [name, metric] of Object.entries<MetricDescription>(METRICS)) {
      if (metric.kind !== 'counter' || this.#read.has(name)) continue;
      for (const labels of combinations(metric.labels ?? {}))
        this.count(name as MetricOf<'counter'>, labels, 0);
    }
  }

  observe(name: MetricOf<'histogram'>, seconds: number, labels: Labels = {}): void {
    this.#histograms.get(name)?.record(seconds, labels);
  }

  /** The metrics are read together, whenever somebody asks; what is left out of the answer is not told then. */
  readOnDemand<Name extends ReadMetric>(
    names: readonly Name[],
    read: () => Promise<Readonly<Partial<Record<Name, readonly Reading[]>>>>,
  ): void {
    const instruments = names.map((name) => {
      const { kind, description } = METRICS[name];
      const instrument =
        kind === 'counter'
          ? this.#meter.createObservableCounter(name, { description })
          : this.#meter.createObservableGauge(name, { description });
      this.#read.set(name, instrument);
      return [name, instrument] as const;
    });
    this.#meter.addBatchObservableCallback(
      async (result) => {
        const readings = await read();
        for (const [name, instrument] of instruments)
          for (const { value, labels = {} } of readings[name] ?? [])
            result.observe(instrument, value, labels);
      },
      instruments.map(([, instrument]) => instrument),
    );
  }

  /** Everything, in Prometheus' text format. */
  async render(): Promise<string> {
    const { resourceMetrics } = await this.#reader.collect();
    return this.#serializer.serialize(resourceMetrics);
  }

  /** The names of the table that have an instrument; for the test that none was forgotten. */
  get instrumented(): readonly MetricName[] {
    return [...this.#counters.keys(), ...this.#histograms.keys(), ...this.#read.keys()] as MetricName[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#provider.shutdown();
  }
}

/** Every set of labels; none when one of them is open. */
function combinations(labels: Readonly<Record<string, readonly string[] | 'open'>>): readonly Labels[] {
  let sets: Labels[] = [{}];
  for (const [name, values] of Object.entries(labels)) {
    if (values === 'open') return [];
    sets = sets.flatMap((set) => values.map((value) => ({ ...set, [name]: value })));
  }
  return sets;
}
