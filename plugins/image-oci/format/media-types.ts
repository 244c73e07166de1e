/** Media types by the projects that define them. */
export const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
export const ociIndex = 'application/vnd.oci.image.index.v1+json';
export const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json';
export const dockerList = 'application/vnd.docker.distribution.manifest.list.v2+json';

/** What a manifest request accepts. */
export const manifestTypes = [ociManifest, ociIndex, dockerManifest, dockerList];

/** CNCF TAG-Runtime Wasm OCI artifact, v0. */
export const cncfConfig = 'application/vnd.wasm.config.v0+json';
export const wasmLayer = 'application/wasm';

/** wasm-to-oci. */
export const wasmToOciConfig = 'application/vnd.wasm.config.v1+json';
export const wasmToOciLayer = 'application/vnd.wasm.content.layer.v1+wasm';

/** Layers that are the Wasm bytes themselves: CNCF, runwasi's components, wasm-to-oci and Spin, the old wasmCloud and solo.io type. */
export const wasmLayers: ReadonlySet<string> = new Set([
  wasmLayer,
  'application/vnd.bytecodealliance.wasm.component.layer.v0+wasm',
  wasmToOciLayer,
  'application/vnd.module.wasm.content.layer.v1+wasm',
]);

/** Spin's locked application. */
export const spinApplication = 'application/vnd.fermyon.spin.application.v1+config';

export const imageConfigs: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

/** Layers that are archives of a root filesystem, with their compression. */
export const archiveLayers: Readonly<Record<string, 'none' | 'gzip' | 'zstd'>> = {
  'application/vnd.oci.image.layer.v1.tar': 'none',
  'application/vnd.oci.image.layer.v1.tar+gzip': 'gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd': 'zstd',
  'application/vnd.docker.image.rootfs.diff.tar': 'none',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'gzip',
};

export const titleAnnotation = 'org.opencontainers.image.title';
/** What marks a manifest as a Wasm image in a Linux image's clothes (crun, buildah). */
export const compatAnnotations: Readonly<Record<string, readonly string[]>> = {
  'module.wasm.image/variant': ['compat', 'compat-smart'],
  'run.oci.handler': ['wasm', 'wasm-smart'],
};
