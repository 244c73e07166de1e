import type { PluginManifest } from '../api/plugin.ts';

interface HasManifest {
  readonly manifest: PluginManifest;
}

/** Plugins with their requirements first; what names a missing plugin or stands in a cycle is blocked, with the reason. */
export function orderByRequirements<T extends HasManifest>(plugins: readonly T[]): { readonly ordered: T[]; readonly blocked: { readonly plugin: T; readonly reason: string }[] } {
  const byId = new Map(plugins.map((plugin) => [plugin.manifest.id, plugin]));
  const ordered: T[] = [];
  const blocked = new Map<T, string>();

  const visit = (plugin: T, trail: readonly string[]): boolean => {
    const { id, requires = [] } = plugin.manifest;
    if (ordered.includes(plugin)) return true;
    if (blocked.has(plugin)) return false;
    if (trail.includes(id)) {
      blocked.set(plugin, `its requirements form a cycle: ${[...trail.slice(trail.indexOf(id)), id].join(' → ')}`);
      return false;
    }
    for (const required of requires) {
      const other = byId.get(required);
      if (other === undefined) {
        blocked.set(plugin, `${id} requires the plugin ${required}, which is not there`);
        return false;
      }
      if (!visit(other, [...trail, id])) {
        if (!blocked.has(plugin)) blocked.set(plugin, `${id} requires ${required}, which cannot start: ${blocked.get(other)}`);
        return false;
      }
    }
    ordered.push(plugin);
    return true;
  };

  for (const plugin of plugins) visit(plugin, []);
  return { ordered, blocked: [...blocked].map(([plugin, reason]) => ({ plugin, reason })) };
}
