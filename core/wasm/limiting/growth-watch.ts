import type { AppendedFunction } from '../assembly/appended-function.ts';
import type { Addition, CustomSection } from '../assembly/assemble-module.ts';

/** What stands for the instructions by which a module grows, and what that needs. */
export interface GrowthWatch {
  /** Also for a module that never grows. */
  readonly always: boolean;
  /** To be appended; indices of the first and of its type, from which on the others follow. */
  readonly functions: (first: number, firstType: number) => readonly AppendedFunction[];
  /** Which of the functions stands for `memory.grow`, by memory; absent: none does. */
  readonly memories: ReadonlyMap<number, number>;
  /** The same for `table.grow`. */
  readonly tables: ReadonlyMap<number, number>;
  /** To other sections than those of functions; globals come first. */
  readonly additions: ReadonlyMap<number, Addition>;
  readonly atEnd?: CustomSection;
}

/** Nothing. */
export const unwatched: GrowthWatch = { always: false, functions: () => [], memories: new Map(), tables: new Map(), additions: new Map() };

/** The functions' indices instead of their places. */
export function indicesFrom(first: number, places: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
  return new Map([...places].map(([index, place]) => [index, first + place]));
}
