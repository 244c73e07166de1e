import path from 'node:path';

/** In a checkout, which runs unbuilt, rather than in the release bundle. */
export const source = import.meta.filename.endsWith('.ts');

/** Where this code lies: in a checkout the repository, in the release bundle the package. */
export const installation = path.resolve(import.meta.dirname, source ? '../..' : '..');

/** Where the installation's own runtimes lie; they find its parts by their place. */
export const ownRuntimes = (source ? path.join(installation, 'runtimes') : path.join(import.meta.dirname, 'plugins')) + path.sep;
