import type { Measurement } from '../harness/results.ts';
import type { TestBed } from '../harness/test-bed.ts';

/** Numbers from the command line. */
export interface SuiteOptions {
  /** Samples of each measurement. */
  readonly n: number;
  /** Pods of one churn. */
  readonly pods: number;
  /** Seconds from Ready to the footprint. */
  readonly settle: number;
}

export interface Suite {
  /** For --help: what it measures, from which point to which. */
  readonly description: string;
  readonly defaultSamples: number;
  /** The options it heeds, for the record. */
  parameters(options: SuiteOptions): Record<string, number>;
  run(bed: TestBed, options: SuiteOptions): Promise<Measurement[]>;
}
