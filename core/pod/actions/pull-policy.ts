import type { PullPolicy } from '../../api/image.ts';
import type { Container } from '../../api/kubernetes.ts';

/** The container's policy, or the API server's default, which pods from files have not been given: Always for `:latest` and no tag. */
export function pullPolicy({ imagePullPolicy, image = '' }: Container): PullPolicy {
  if (imagePullPolicy === 'Always' || imagePullPolicy === 'IfNotPresent' || imagePullPolicy === 'Never') return imagePullPolicy;
  if (image.includes('@')) return 'IfNotPresent';
  const lastPart = image.slice(image.lastIndexOf('/') + 1);
  return !lastPart.includes(':') || lastPart.endsWith(':latest') ? 'Always' : 'IfNotPresent';
}
