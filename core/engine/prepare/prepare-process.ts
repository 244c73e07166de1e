/** The first file of a prepare process. It takes the job that the parent sends, answers it and disconnects, which ends the process and gives back what the transpiler took. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, WasmletError } from '../../api/errors.ts';
import type { PreparedArtifact } from '../../api/runtime.ts';
import { importRuntime } from '../../guest/import-runtime.ts';
import { indexFile } from './prepare-protocol.ts';
import type { PreparedIndex, PrepareJob, PrepareReply } from './prepare-protocol.ts';
import { rewrite } from './rewrite.ts';

process.once('message', (job) => {
  void reply(job as PrepareJob).then((answer) => process.send!(answer, () => process.disconnect!()));
});

async function reply(job: PrepareJob): Promise<PrepareReply> {
  try {
    await prepare(job);
    return { ok: true };
  } catch (error) {
    return { ok: false, code: error instanceof WasmletError ? error.code : 'TRANSPILE_FAILED', message: messageOf(error) };
  }
}

async function prepare(job: PrepareJob): Promise<void> {
  const bytes = await readFile(job.path);
  const artifact = await coreModules(job, bytes);
  const files: Record<string, string> = {};
  for (const [position, [name, core]] of Object.entries(artifact.modules).entries()) {
    // Not the module's name: it is a guest's word, and files may already bear it.
    const file = `limited-${position}.wasm`;
    await writeFile(path.join(job.directory, file), rewrite(core, { ...job.rewriting, sharedBudget: job.kind === 'component' }));
    files[name] = file;
  }
  const index: PreparedIndex = { modules: files, ...(artifact.glue === undefined ? {} : { glue: artifact.glue }) };
  await writeFile(path.join(job.directory, indexFile), JSON.stringify(index));
}

async function coreModules(job: PrepareJob, bytes: Uint8Array): Promise<PreparedArtifact> {
  if (job.kind === 'module') return { modules: { main: bytes } };
  const runtime = await importRuntime(job.threadUrl);
  if (runtime.prepare === undefined) throw new Error(`the runtime at ${job.threadUrl} takes components and exports no prepare`);
  return runtime.prepare({ kind: job.kind, bytes, digest: job.digest, inspection: job.inspection, directory: job.directory });
}
