/**
 * `$(NAME)` becomes the variable's value, `$$` becomes `$`; what names no variable stays as it is
 * (k8s.io/kubernetes third_party/forked/golang/expansion).
 */
export function expandVariables(text: string, lookup: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) => (name === undefined ? '$' : (lookup.get(name) ?? whole)));
}
