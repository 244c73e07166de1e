/**
 * Every failure that a user can see, in one table. `reason` is the word that Kubernetes users know (the container's
 * waiting reason, the pod's reason or the event's reason); docs/reference/errors.md explains each code, kept equal by a test.
 */
export type Retry =
  /** Tried again by itself, with back-off. */
  | 'backoff'
  /** Stays until the user changes something (the pod, an object it names, the node's configuration). */
  | 'terminal';

interface ErrorClass {
  readonly reason: string;
  readonly retry: Retry;
}

const table = {
  // Images (contract §2.7, §2.8)
  IMAGE_NAME_INVALID: { reason: 'InvalidImageName', retry: 'terminal' },
  IMAGE_NEVER_PULL: { reason: 'ErrImageNeverPull', retry: 'terminal' },
  IMAGE_NOT_FOUND: { reason: 'ErrImagePull', retry: 'backoff' },
  IMAGE_UNAUTHORIZED: { reason: 'ErrImagePull', retry: 'backoff' },
  IMAGE_FORBIDDEN: { reason: 'ErrImagePull', retry: 'backoff' },
  IMAGE_DIGEST_MISMATCH: { reason: 'ErrImagePull', retry: 'backoff' },
  IMAGE_SIZE_MISMATCH: { reason: 'ErrImagePull', retry: 'backoff' },
  IMAGE_MANIFEST_INVALID: { reason: 'ErrImagePull', retry: 'backoff' },
  IMAGE_NO_WASM: { reason: 'ErrImagePull', retry: 'backoff' },
  IMAGE_ARCHIVE_INVALID: { reason: 'ErrImagePull', retry: 'backoff' },
  IMAGE_PULL_FAILED: { reason: 'ErrImagePull', retry: 'backoff' },
  REGISTRY_UNAVAILABLE: { reason: 'ErrImagePull', retry: 'backoff' },
  REGISTRY_TIMEOUT: { reason: 'ErrImagePull', retry: 'backoff' },
  REGISTRY_REFUSED: { reason: 'ErrImagePull', retry: 'backoff' },
  // A container's configuration
  RUNTIME_UNKNOWN: { reason: 'CreateContainerConfigError', retry: 'terminal' },
  RUNTIME_INACTIVE: { reason: 'CreateContainerConfigError', retry: 'terminal' },
  RUNTIME_NOT_ALLOWED: { reason: 'CreateContainerConfigError', retry: 'terminal' },
  RUNTIME_NOT_ACCEPTING: { reason: 'CreateContainerConfigError', retry: 'terminal' },
  RUNTIME_HANDLER_UNKNOWN: { reason: 'CreateContainerConfigError', retry: 'terminal' },
  ISOLATION_UNSUPPORTED: { reason: 'CreateContainerConfigError', retry: 'terminal' },
  CONFIG_MAP_NOT_FOUND: { reason: 'CreateContainerConfigError', retry: 'backoff' },
  CONFIG_MAP_KEY_NOT_FOUND: { reason: 'CreateContainerConfigError', retry: 'backoff' },
  SECRET_NOT_FOUND: { reason: 'CreateContainerConfigError', retry: 'backoff' },
  SECRET_KEY_NOT_FOUND: { reason: 'CreateContainerConfigError', retry: 'backoff' },
  FIELD_INVALID: { reason: 'CreateContainerConfigError', retry: 'terminal' },
  FIELD_UNSUPPORTED: { reason: 'CreateContainerConfigError', retry: 'terminal' },
  PORT_MISSING: { reason: 'CreateContainerConfigError', retry: 'terminal' },
  // A container's start
  MODULE_MALFORMED: { reason: 'RunContainerError', retry: 'terminal' },
  IMPORT_UNKNOWN: { reason: 'RunContainerError', retry: 'terminal' },
  ENTRY_POINT_MISSING: { reason: 'RunContainerError', retry: 'terminal' },
  MEMORY_OVER_LIMIT: { reason: 'RunContainerError', retry: 'terminal' },
  TRANSPILE_FAILED: { reason: 'RunContainerError', retry: 'terminal' },
  THREAD_START_FAILED: { reason: 'RunContainerError', retry: 'backoff' },
  NODE_FULL: { reason: 'RunContainerError', retry: 'backoff' },
  PORT_UNAVAILABLE: { reason: 'RunContainerError', retry: 'backoff' },
  // Volumes
  VOLUME_TYPE_UNSUPPORTED: { reason: 'FailedMount', retry: 'terminal' },
  VOLUME_SOURCE_NOT_FOUND: { reason: 'FailedMount', retry: 'backoff' },
  VOLUME_SOURCE_INVALID: { reason: 'FailedMount', retry: 'backoff' },
  VOLUME_SET_UP_FAILED: { reason: 'FailedMount', retry: 'backoff' },
  STATIC_POD_REFERENCES_API: { reason: 'CreateContainerConfigError', retry: 'terminal' },
  // The engine's answers
  CONTAINER_NOT_FOUND: { reason: 'NotFound', retry: 'terminal' },
  EXEC_UNSUPPORTED: { reason: 'NotImplemented', retry: 'terminal' },
  // The node itself
  CONFIG_INVALID: { reason: 'InvalidConfiguration', retry: 'terminal' },
  ROOT_DIRECTORY_IN_USE: { reason: 'RootDirectoryInUse', retry: 'terminal' },
  ADDRESS_UNUSABLE: { reason: 'InvalidAddress', retry: 'terminal' },
  KUBECONFIG_INVALID: { reason: 'InvalidKubeconfig', retry: 'terminal' },
  BOOTSTRAP_FAILED: { reason: 'BootstrapFailed', retry: 'backoff' },
  PLUGIN_MANIFEST_INVALID: { reason: 'PluginFailed', retry: 'terminal' },
  PLUGIN_INCOMPATIBLE: { reason: 'PluginFailed', retry: 'terminal' },
  PLUGIN_REQUIREMENT_MISSING: { reason: 'PluginFailed', retry: 'terminal' },
  PLUGIN_CONFIG_INVALID: { reason: 'PluginFailed', retry: 'terminal' },
  PLUGIN_CONTRIBUTION_MISMATCH: { reason: 'PluginFailed', retry: 'terminal' },
  PLUGIN_ACTIVATION_FAILED: { reason: 'PluginFailed', retry: 'terminal' },
  NODE_UNREACHABLE: { reason: 'NodeUnreachable', retry: 'terminal' },
  NOT_FOUND: { reason: 'NotFound', retry: 'terminal' },
  USAGE: { reason: 'Usage', retry: 'terminal' },
} as const satisfies Record<string, ErrorClass>;

export type ErrorCode = keyof typeof table;
export const errorTable: Readonly<Record<ErrorCode, ErrorClass>> = table;

/** A failure with a place in the table. The message says what happened and, where it helps, what to do next. */
export class WasmletError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'WasmletError';
    this.code = code;
  }

  /** The word that Kubernetes shows. */
  get reason(): string {
    return errorTable[this.code].reason;
  }

  get retry(): Retry {
    return errorTable[this.code].retry;
  }
}

/** The text of anything thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True for an AbortSignal's rejection: cancellation is not an error. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}
