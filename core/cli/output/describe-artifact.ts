import type { ComponentInspection, MemoryType, ModuleInspection } from '../../api/artifact.ts';
import type { InspectedArtifact } from '../commands/inspect.ts';
import { formatBytes } from './progress.ts';
import { printable } from './table.ts';

/** `wasmlet inspect` for people; ends with a newline. */
export function describeArtifact({ name, image, digest, sizeBytes, inspection, runtimes }: InspectedArtifact): string {
  const lines = [
    ['Name', name],
    ...(image === undefined ? [] : [['Image', image]]),
    ['Digest', digest],
    ['Size', `${sizeBytes} bytes (${formatBytes(sizeBytes)})`],
    ...(inspection.kind === 'module' ? describeModule(inspection) : describeComponent(inspection)),
    ...block('Runtimes', runtimes.map(({ name: runtime, accepts, reason }) => (accepts ? `${runtime}: accepts it` : `${runtime}: no, ${reason}`))),
  ];
  return lines.map(([label, text]) => `${`${label}${label === '' ? '' : ':'}`.padEnd(10)} ${printable(text ?? '')}\n`).join('');
}

function describeModule(module: ModuleInspection): string[][] {
  const imports = Map.groupBy(module.imports, (entry) => entry.module);
  return [
    ['Kind', `core module${module.start ? ', with a start section' : ''}${module.gc ? ', uses GC types' : ''}`],
    ...block('Imports', [...imports].map(([from, entries]) => `${from}: ${entries.map((entry) => entry.name + ofKind(entry.kind)).join(', ')}`)),
    ...block('Exports', [module.exports.map((entry) => entry.name + ofKind(entry.kind)).join(', ')].filter((text) => text !== '')),
    ...block('Memories', module.memories.map(describeMemory)),
  ];
}

function describeComponent(component: ComponentInspection): string[][] {
  return [
    ['Kind', `component of ${component.coreModules.length} core module${component.coreModules.length === 1 ? '' : 's'}`],
    ['World', component.world ?? 'none that is known here'],
    ...block('Imports', component.imports),
    ...block('Exports', component.exports),
    ...block('Memories', component.coreModules.flatMap(({ memories }) => memories.filter(({ imported }) => !imported).map(describeMemory))),
  ];
}

function describeMemory(memory: MemoryType): string {
  const maximum = memory.maximumBytes === undefined ? 'no maximum' : `at most ${formatBytes(memory.maximumBytes)}`;
  const marks = [memory.is64 ? '64-bit' : '', memory.shared ? 'shared' : '', memory.imported ? 'imported' : ''].filter((mark) => mark !== '');
  return `${formatBytes(memory.minimumBytes)} to begin with, ${maximum}${marks.length === 0 ? '' : ` (${marks.join(', ')})`}`;
}

/** Functions are the rule and need no word. */
function ofKind(kind: string): string {
  return kind === 'func' ? '' : ` (${kind})`;
}

function block(label: string, entries: readonly string[]): string[][] {
  return entries.length === 0 ? [[label, 'none']] : entries.map((entry, at) => [at === 0 ? label : '', entry]);
}
