/** Wraps a preview 1 module into a WASI 0.2 component: componentize.js MODULE ADAPTER OUTPUT. */
import { readFile, writeFile } from 'node:fs/promises';
import { componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';

const [modulePath, adapterPath, outputPath] = process.argv.slice(2);
if (modulePath === undefined || adapterPath === undefined || outputPath === undefined) throw new Error('usage: componentize.js MODULE ADAPTER OUTPUT');

const component = await componentNew(await readFile(modulePath), [['wasi_snapshot_preview1', await readFile(adapterPath)]]);
await writeFile(outputPath, component);
