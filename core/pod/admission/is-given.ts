/** Whether a field of a pod asks for something: absent, null and an empty list do not. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}
