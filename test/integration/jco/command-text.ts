/** An import of the component, and the function of it that the core module calls. */
export interface TextImport {
  /** Component text that declares the imported instance as `$NAME`. */
  readonly instance: string;
  /** Core functions by name: the component function to lower, e.g. `$exit "exit-with-code"`. */
  readonly functions: Readonly<Record<string, string>>;
}

/**
 * The text of a `wasi:cli/command`, written by hand. `core` are the fields of a core module which exports `run` (an i32: 0
 * is ok, 1 is err) and imports the functions and `memory` from the module "".
 */
export function commandText(version: string, imports: readonly TextImport[], core: string): string {
  const functions = imports.flatMap((entry) => Object.entries(entry.functions));
  return `(component
    ${imports.map(({ instance }) => instance).join('\n')}
    (core module $store
      (memory (export "memory") 1)
      (global $free (mut i32) (i32.const 4096))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
        (global.set $free (i32.add (local.get $at) (local.get 3)))
        (local.get $at)))
    (core instance $store (instantiate $store))
    (alias core export $store "memory" (core memory $memory))
    (alias core export $store "realloc" (core func $realloc))
    ${functions.map(([name, lowered]) => `(alias export ${lowered} (func $${name}))
      (core func $core-${name} (canon lower (func $${name}) (memory $memory) (realloc $realloc)))`).join('\n')}
    (core module $main ${core})
    (core instance $main (instantiate $main (with "" (instance
      (export "memory" (memory $memory))
      ${functions.map(([name]) => `(export "${name}" (func $core-${name}))`).join('\n')}))))
    (alias core export $main "run" (core func $core-run))
    (func $run (result (result)) (canon lift (core func $core-run)))
    (instance $run (export "run" (func $run)))
    (export "wasi:cli/run@${version}" (instance $run)))`;
}

/** Ends the guest with the code that the core function `exit` gets. */
export const exitImport = (version: string): TextImport => ({
  instance: `(import "wasi:cli/exit@${version}" (instance $exit
    (export "exit" (func (param "status" (result))))
    (export "exit-with-code" (func (param "status-code" u8)))))`,
  functions: { exit: '$exit "exit-with-code"' },
});
