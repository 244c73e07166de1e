import path from 'node:path';
import { WasmletError } from '../api/errors.ts';
import type { Container } from '../api/kubernetes.ts';

export interface PlannedMount {
  /** Absolute, shortest form. */
  readonly guestPath: string;
  readonly volume: string;
  /** Relative, shortest form, no `..`. */
  readonly subPath?: string;
  readonly readOnly: boolean;
}

/**
 * What a container's volumeMounts ask for, checked as the API server does (validation.ValidateVolumeMounts); static pods come
 * unchecked. Throws FIELD_INVALID and FIELD_UNSUPPORTED naming the field.
 */
export function planMounts(container: Container, volumeNames: ReadonlySet<string>): readonly PlannedMount[] {
  const taken = new Set<string>();
  return (container.volumeMounts ?? []).map((mount, index) => {
    const field = (name: string) => `container ${JSON.stringify(container.name)}: volumeMounts[${index}].${name}`;
    if (!volumeNames.has(mount.name)) throw new WasmletError('FIELD_INVALID', `${field('name')}: Not found: ${JSON.stringify(mount.name)}`);
    if (mount.subPathExpr) throw new WasmletError('FIELD_UNSUPPORTED', `${field('subPathExpr')} is not supported`);
    if (!mount.mountPath || mount.mountPath.includes('\0')) throw new WasmletError('FIELD_INVALID', `${field('mountPath')}: Invalid value: ${JSON.stringify(mount.mountPath ?? '')}`);
    const guestPath = path.posix.resolve('/', mount.mountPath);
    if (taken.has(guestPath)) throw new WasmletError('FIELD_INVALID', `${field('mountPath')}: Invalid value: ${JSON.stringify(mount.mountPath)}: must be unique`);
    taken.add(guestPath);
    const subPath = mount.subPath ? cleanSubPath(mount.subPath, field('subPath')) : undefined;
    return { guestPath, volume: mount.name, readOnly: mount.readOnly ?? false, ...(subPath !== undefined && { subPath }) };
  });
}

/** Undefined: the volume's own directory. */
function cleanSubPath(subPath: string, field: string): string | undefined {
  const invalid = (why: string) => new WasmletError('FIELD_INVALID', `${field}: Invalid value: ${JSON.stringify(subPath)}: ${why}`);
  if (subPath.startsWith('/')) throw invalid('must be a relative path');
  if (subPath.split('/').includes('..')) throw invalid("must not contain '..'");
  if (subPath.includes('\0')) throw invalid('must not contain NUL');
  const clean = path.posix.normalize(subPath).replace(/\/$/, '');
  return clean === '.' ? undefined : clean;
}
