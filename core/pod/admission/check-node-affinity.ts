import type { Node, Pod, PodSpec } from '../../api/kubernetes.ts';
import type { PodFailure } from '../status/generate-pod-status.ts';

type NodeAffinity = NonNullable<NonNullable<PodSpec['affinity']>['nodeAffinity']>;
type NodeSelectorTerm = NonNullable<NodeAffinity['requiredDuringSchedulingIgnoredDuringExecution']>['nodeSelectorTerms'][number];
type Requirement = NonNullable<NodeSelectorTerm['matchExpressions']>[number];

/** nodeSelector and required node affinity (component-helpers scheduling/corev1/nodeaffinity). */
export function checkNodeAffinity({ spec }: Pod, { metadata }: Node): PodFailure | undefined {
  const labels = metadata.labels ?? {};
  const selected = Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const fields = { 'metadata.name': metadata.name };
  const fits = !required || list(required.nodeSelectorTerms).some((term) => matchesTerm(term, labels, fields));
  if (selected && fits) return undefined;
  return { reason: 'NodeAffinity', message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector" };
}

/** Terms are alternatives, their requirements are not. A term without requirements matches nothing. */
function matchesTerm(term: NodeSelectorTerm, labels: Readonly<Record<string, string>>, fields: Readonly<Record<string, string>>): boolean {
  const expressions = list(term.matchExpressions);
  const fieldExpressions = list(term.matchFields);
  if (expressions.length + fieldExpressions.length === 0) return false;
  return expressions.every((requirement) => matches(requirement, labels)) && fieldExpressions.every((requirement) => matches(requirement, fields));
}

function matches({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && list(values).includes(value);
    case 'NotIn':
      return value === undefined || !list(values).includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const [have, bound] = [integer(value), integer(list(values)[0])];
      if (have === undefined || bound === undefined) return false;
      return operator === 'Gt' ? have > bound : have < bound;
    }
    default:
      return false;
  }
}

function integer(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[+-]?\d{1,19}$/.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined;
}

function list<T>(items: readonly T[] | undefined): readonly T[] {
  return items ?? [];
}
