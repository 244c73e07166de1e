import type { ArtifactInspection } from '../api/artifact.ts';

/** Whether a program has no main function but is called for each request (docs/guides/http-services.md). */
export function isHttpService(inspection: ArtifactInspection): boolean {
  return inspection.kind === 'component' && /^wasi:http\/(proxy|service)@/.test(inspection.world ?? '');
}
