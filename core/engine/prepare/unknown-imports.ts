import type { ModuleInspection } from '../../api/artifact.ts';
import { WasmletError } from '../../api/errors.ts';
import type { RuntimeManifest } from '../../api/runtime.ts';

/**
 * Refuses, before a thread is used, a module with an import from a module that the runtime's manifest does not declare
 * or with a function that it excepts. Whether a declared module has the function is known to the adapter only.
 * @throws WasmletError `IMPORT_UNKNOWN`
 */
export function refuseUnknownImports(inspection: ModuleInspection, manifest: RuntimeManifest): void {
  const accepts = manifest.accepts.filter((accepted) => accepted.kind === 'module');
  const provided = accepts.some(({ imports, except = [] }) =>
    inspection.imports.every(({ module, name }) => imports.includes(module) && !except.includes(`${module}.${name}`)));
  if (provided) return;
  const known = new Set(accepts.flatMap(({ imports }) => imports));
  const excepted = new Set(accepts.flatMap(({ except = [] }) => except));
  const unknown = inspection.imports.find(({ module, name }) => !known.has(module) || excepted.has(`${module}.${name}`));
  const what = unknown === undefined ? 'no set of imports that it declares has all of the module\'s' : `it does not provide ${unknown.module}.${unknown.name}`;
  throw new WasmletError('IMPORT_UNKNOWN', `the runtime ${manifest.name} cannot run this module: ${what}`);
}
