import { WasmletError } from '../../api/errors.ts';
import { rewriteModule } from '../../wasm/rewrite-module.ts';
import type { RewriteOptions } from '../../wasm/rewrite-module.ts';

/** @throws WasmletError as `rewriteModule`, and `ISOLATION_UNSUPPORTED` when the module can have no yield checks */
export function rewrite(bytes: Uint8Array, options: RewriteOptions): Uint8Array {
  const rewritten = rewriteModule(bytes, options);
  if (rewritten.kind === 'rewritten') return rewritten.bytes;
  throw new WasmletError('ISOLATION_UNSUPPORTED', `the module needs a thread of its own, without a CPU limit: ${rewritten.reason}`);
}
