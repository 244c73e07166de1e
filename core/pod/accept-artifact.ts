/** Whether a runtime takes an artifact: its manifest's data against what inspection found. */
import type { ArtifactInspection, ComponentInspection, ModuleInspection } from '../api/artifact.ts';
import type { Accepts, RuntimeManifest } from '../api/runtime.ts';
import { versionMatches } from './version-range.ts';

/** Undefined: it is accepted. Otherwise why not, in words for the pod's author. */
export function explainRefusal({ accepts }: Pick<RuntimeManifest, 'accepts'>, inspection: ArtifactInspection): string | undefined {
  // What cannot be read is not for the author of a manifest to judge: the start fails and says where the bytes are wrong.
  if (inspection.kind === 'module' && inspection.malformed !== undefined) return undefined;
  const offers = accepts.filter(({ kind }) => kind === inspection.kind);
  if (offers.length === 0) return `it takes no ${inspection.kind}s`;
  const refusals: string[] = [];
  for (const offer of offers) {
    const refusal = refuse(offer, inspection);
    if (refusal === undefined) return undefined;
    refusals.push(refusal);
  }
  return refusals.join('; or ');
}

function refuse(offer: Accepts, inspection: ArtifactInspection): string | undefined {
  if (offer.kind === 'module' && inspection.kind === 'module') return refuseModule(offer, inspection);
  if (offer.kind === 'component' && inspection.kind === 'component') return refuseComponent(offer, inspection);
  return 'another kind of artifact';
}

function refuseModule(offer: Extract<Accepts, { kind: 'module' }>, { imports }: ModuleInspection): string | undefined {
  if (imports.length === 0) return offer.importless === false ? 'the module imports nothing' : undefined;
  const missing = imports.filter(({ module, name }) => !offer.imports.includes(module) || offer.except?.includes(`${module}.${name}`));
  return missing.length === 0 ? undefined : `it does not provide ${listSome(missing.map(({ module, name }) => `${module}.${name}`))}`;
}

function refuseComponent(offer: Extract<Accepts, { kind: 'component' }>, { world }: ComponentInspection): string | undefined {
  if (world === undefined) return `the component fits no known world (it takes ${offer.worlds.join(', ')})`;
  return offer.worlds.some((range) => worldMatches(range, world)) ? undefined : `the component's world is ${world} (it takes ${offer.worlds.join(', ')})`;
}

/** `wasi:cli/command@^0.2.0` against `wasi:cli/command@0.2.6`. */
function worldMatches(range: string, world: string): boolean {
  const [offeredName, offeredRange = '*'] = splitVersion(range);
  const [name, version] = splitVersion(world);
  return offeredName === name && (version === undefined ? offeredRange === '*' : versionMatches(offeredRange, version));
}

function splitVersion(text: string): [string, string?] {
  const at = text.lastIndexOf('@');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

const shownNames = 5;

function listSome(names: readonly string[]): string {
  const rest = names.length - shownNames;
  return rest > 0 ? `${names.slice(0, shownNames).join(', ')} and ${rest} more` : names.join(', ');
}
