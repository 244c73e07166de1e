import type { ModuleFunctions } from './module-functions.ts';
import type { CodeScan } from './scan-code.ts';

/** Who can call whom, tail calls included. Functions by index, imports first. */
export interface CallGraph {
  /** Every cycle of calls passes through one of these functions: none calls on within its cycle without a check since its entry. */
  readonly checked: ReadonlySet<number>;
  /** On a cycle: the same number for functions that can all reach one another. */
  readonly cycleOf: ReadonlyMap<number, number>;
  /** Defined functions, each behind those that it can call, but for calls of `checked`. */
  readonly order: readonly number[];
}

type Edges = readonly (readonly number[])[];

/**
 * Numbers the strongly connected components (Tarjan, without recursion: the depth is the guest's choice). Only those with a
 * cycle have a number.
 */
function cyclesIn(edges: Edges): ReadonlyMap<number, number> {
  const size = edges.length;
  const seen = new Int32Array(size).fill(-1);
  const low = new Int32Array(size);
  const onStack = new Uint8Array(size);
  const stack: number[] = [];
  const path: number[] = [];
  const position = new Int32Array(size);
  const cycles = new Map<number, number>();
  let count = 0;
  let components = 0;
  const enter = (node: number): void => {
    seen[node] = low[node] = count++;
    stack.push(node);
    onStack[node] = 1;
    path.push(node);
  };
  for (let root = 0; root < size; root++) {
    if (seen[root] !== -1) continue;
    enter(root);
    while (path.length > 0) {
      const node = path.at(-1)!;
      const targets = edges[node]!;
      if (position[node]! < targets.length) {
        const target = targets[position[node]!++]!;
        if (seen[target] === -1) enter(target);
        else if (onStack[target] === 1) low[node] = Math.min(low[node]!, seen[target]!);
        continue;
      }
      path.pop();
      if (path.length > 0) low[path.at(-1)!] = Math.min(low[path.at(-1)!]!, low[node]!);
      if (low[node] !== seen[node]) continue;
      const members = stack.splice(stack.lastIndexOf(node));
      for (const member of members) onStack[member] = 0;
      if (members.length > 1 || targets.includes(node)) for (const member of members) cycles.set(member, components);
      components++;
    }
  }
  return cycles;
}

/** Depth first: the nodes in the order in which they are left, and the targets of edges that lead back. Edges to `cut` are not there. */
function postOrder(edges: Edges, cut: ReadonlySet<number>): { readonly order: number[]; readonly backTo: Set<number> } {
  const state = new Uint8Array(edges.length);
  const position = new Int32Array(edges.length);
  const order: number[] = [];
  const backTo = new Set<number>();
  for (let root = 0; root < edges.length; root++) {
    if (state[root] !== 0) continue;
    const path = [root];
    state[root] = 1;
    while (path.length > 0) {
      const node = path.at(-1)!;
      const targets = edges[node]!;
      if (position[node]! < targets.length) {
        const target = targets[position[node]!++]!;
        if (cut.has(target)) continue;
        if (state[target] === 1) backTo.add(target);
        else if (state[target] === 0) {
          state[target] = 1;
          path.push(target);
        }
        continue;
      }
      path.pop();
      state[node] = 2;
      order.push(node);
    }
  }
  return { order, backTo };
}

/** Functions to which a reference exists, by type (`ModuleFunctions.kinds`): whom a call by reference can reach. */
export function referencedByKind(functions: ModuleFunctions, scan: CodeScan): readonly (readonly number[])[] {
  const byKind: number[][] = functions.kindOfType.map(() => []);
  for (const index of new Set([...functions.referenced, ...scan.referenced])) byKind[functions.kinds[index]!]!.push(index);
  return byKind;
}

/** Finds where calls can go round in circles, directly, by tail call or by reference. */
export function callGraphOf(functions: ModuleFunctions, scan: CodeScan, byKind: readonly (readonly number[])[]): CallGraph {
  const { imported, kinds } = functions;
  // A node for each function, then one for each type: a call by reference leads there, and from there to whom it may reach.
  const kindNode = (kind: number): number => kinds.length + kind;
  const edges: Edges = [
    ...Array.from({ length: imported }, () => []),
    ...scan.calls.map(({ direct, indirect }) => [...direct, ...[...indirect].map(kindNode)]),
    ...byKind,
  ];
  const cycles = cyclesIn(edges);
  const checked = new Set<number>();
  byKind.forEach((targets, kind) => {
    const cycle = cycles.get(kindNode(kind));
    if (cycle !== undefined) for (const target of targets) if (cycles.get(target) === cycle) checked.add(target);
  });
  // No cycle passes through a call by reference any more: what leads back now is a direct call.
  const { order, backTo } = postOrder(edges, checked);
  for (const target of backTo) checked.add(target);
  return { checked, cycleOf: cycles, order: order.filter((node) => node >= imported && node < kinds.length) };
}
