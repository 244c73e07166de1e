import type { IsolationClass } from '../../core/api/runtime.ts';
import type { LocalBed } from '../harness/local-bed.ts';
import type { Measurement } from '../harness/results.ts';
import type { TestBed } from '../harness/test-bed.ts';

/** From the command line. A suite is offered those that its `defaults` name. */
export interface SuiteOptions {
  /** Samples of each measurement. */
  readonly n: number;
  /** Pods: of one churn, or on one node. */
  readonly pods: number;
  /** Seconds from Ready to the footprint. */
  readonly settle: number;
  /** Isolation class of the pods. */
  readonly class: IsolationClass;
}

interface SuiteShape<Bed> {
  /** For --help: what it measures, from which point to which. */
  readonly description: string;
  /** The options that it heeds, with their values unless the command line says otherwise. */
  readonly defaults: Pick<SuiteOptions, 'n'> & Partial<SuiteOptions>;
  /** What it was told, for the record. */
  parameters(options: SuiteOptions): Record<string, number | string>;
  run(bed: Bed, options: SuiteOptions): Promise<Measurement[]>;
}

/** Measures nodes that have joined a real control plane, beside a node that does nothing. */
export interface ClusterSuite extends SuiteShape<TestBed> {
  readonly bed: 'cluster';
}

/** Measures parts of wasmlet, or a standalone node, on this machine alone: no control plane is built or started. */
export interface LocalSuite extends SuiteShape<LocalBed> {
  readonly bed: 'local';
}

export type Suite = ClusterSuite | LocalSuite;
