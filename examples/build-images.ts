/** Makes examples/images, the OCI layout that the example pods are pulled from, out of examples/hello. Run it after building those. */
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { OciImageSource } from '../plugins/image-oci/oci-image-source.ts';
import { inspect } from '../core/wasm/inspect.ts';

const layout = path.join(import.meta.dirname, 'images');
const images = { 'wasmlet.dev/examples/hello': 'hello.wasm', 'wasmlet.dev/examples/hello-component': 'hello.component.wasm' };

rmSync(layout, { recursive: true, force: true });
const source = new OciImageSource({ registries: [{ prefix: 'wasmlet.dev/examples', mirror: `oci-layout:${layout}` }], stallMilliseconds: 1000, maxLayerBytes: 2 ** 20 });
for (const [name, fileName] of Object.entries(images)) {
  const bytes = readFileSync(path.join(import.meta.dirname, 'hello', fileName));
  const [registry, ...repository] = name.split('/') as [string, ...string[]];
  // A fixed time: the same files make the same layout.
  const request = { bytes, fileName, format: 'cncf', inspection: inspect(bytes), created: '2026-01-01T00:00:00Z' } as const;
  const { manifestDigest } = await source.push({ registry, repository: repository.join('/'), tag: '1' }, [], request, new AbortController().signal);
  process.stdout.write(`${name}:1 ${manifestDigest}\n`);
}
