/** What stands in an image: the Wasm bytes, and what reading them found. */

export type ArtifactKind = 'module' | 'component';

export type ExternKind = 'func' | 'table' | 'memory' | 'global' | 'tag';

/** An import of a core module. */
export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternKind;
}

/** A memory that a core module defines or imports. Sizes are in bytes. */
export interface MemoryType {
  readonly minimumBytes: number;
  /** Absent when the module declares none. */
  readonly maximumBytes?: number;
  readonly shared: boolean;
  /** memory64 proposal. */
  readonly is64: boolean;
  readonly imported: boolean;
}

/** What reading a core module found (WebAssembly core spec, binary format). */
export interface ModuleInspection {
  readonly kind: 'module';
  readonly imports: readonly ModuleImport[];
  readonly exports: readonly ModuleExport[];
  readonly memories: readonly MemoryType[];
  /** Has a start section. */
  readonly start: boolean;
  /** Declares types of the GC proposal: its heap objects lie outside linear memory and its limits. */
  readonly gc: boolean;
  /** Why it cannot have isolation `shared`, as far as its outline tells; continues "it needs a thread of its own: ". Absent: it can. */
  readonly notShareable?: string;
  /**
   * Why the bytes, which begin as Wasm does, cannot be read. Everything else is then empty; the image is kept, and starting
   * a container of it fails with MODULE_MALFORMED and this text.
   */
  readonly malformed?: string;
}

/** What reading a component found. Interfaces by WIT name, e.g. `wasi:cli/run@0.2.6`. */
export interface ComponentInspection {
  readonly kind: 'component';
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** The world it fits, e.g. `wasi:cli/command@0.2.6` or `wasi:http/proxy@0.2.6`; absent when none we know. */
  readonly world?: string;
  readonly coreModules: readonly ModuleInspection[];
}

export type ArtifactInspection = ModuleInspection | ComponentInspection;

/** The Wasm bytes of an image, in the content store. */
export interface Artifact {
  readonly kind: ArtifactKind;
  /** `sha256:<64 hex>` of the bytes. */
  readonly digest: string;
  /** Absolute path of the bytes on this node. */
  readonly path: string;
  /** File name without directories, e.g. `hello.wasm`: argv[0] when neither pod nor image name a command. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly inspection: ArtifactInspection;
}
