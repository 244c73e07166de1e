import type { ArtifactInspection } from '../api/artifact.ts';
import { inspectComponent } from './inspection/inspect-component.ts';
import { inspectModule } from './inspection/inspect-module.ts';
import { readPreamble } from './binary/preamble.ts';

export { isWasm } from './binary/preamble.ts';

/**
 * Reads what an artifact is and what it needs, without compiling it. The bytes are hostile input: every length and count
 * is checked, nothing is executed. It does not validate the code; V8 does that when it compiles.
 * @throws WasmletError `MODULE_MALFORMED` with what is wrong and the offset.
 */
export function inspect(bytes: Uint8Array): ArtifactInspection {
  return readPreamble(bytes) === 'module' ? inspectModule(bytes) : inspectComponent(bytes);
}
